-- Every signed integer type with its least and greatest value.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a TINYINT,
  b SMALLINT,
  c MEDIUMINT,
  d INT,
  e BIGINT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, IF(n % 3, -128, 127), IF(n % 4, -32768, n), IF(n % 5, -8388608, 8388607), IF(n % 6, 2147483647, -2147483648), IF(n % 7, 9223372036854775807 - n, -9223372036854775808) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET a = -1 - a, b = NULL, c = -1 - c, e = -1 - e WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, IF(@round % 3, -128, 127), IF(@round % 4, -32768, @round), IF(@round % 5, -8388608, 8388607), IF(@round % 6, 2147483647, -2147483648), IF(@round % 7, 9223372036854775807 - @round, -9223372036854775808));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, IF((2000 + @round) % 3, -128, 127), IF((2000 + @round) % 4, -32768, (2000 + @round)), IF((2000 + @round) % 5, -8388608, 8388607), IF((2000 + @round) % 6, 2147483647, -2147483648), IF((2000 + @round) % 7, 9223372036854775807 - (2000 + @round), -9223372036854775808));
DELETE FROM t WHERE id = 2000 + @round - 3;

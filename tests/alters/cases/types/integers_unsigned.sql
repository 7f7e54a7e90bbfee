-- Every unsigned integer type with zero and its greatest value, up to 18446744073709551615.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a TINYINT UNSIGNED,
  b SMALLINT UNSIGNED,
  c MEDIUMINT UNSIGNED,
  d INT UNSIGNED,
  e BIGINT UNSIGNED
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, IF(n % 3, 0, 255), IF(n % 4, 65535, n), IF(n % 5, 0, 16777215), IF(n % 6, 4294967295, 0), IF(n % 7, 18446744073709551615 - n, n) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET a = 255 - a, b = NULL, c = 16777215 - c, e = 18446744073709551615 - e WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, IF(@round % 3, 0, 255), IF(@round % 4, 65535, @round), IF(@round % 5, 0, 16777215), IF(@round % 6, 4294967295, 0), IF(@round % 7, 18446744073709551615 - @round, @round));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, IF((2000 + @round) % 3, 0, 255), IF((2000 + @round) % 4, 65535, (2000 + @round)), IF((2000 + @round) % 5, 0, 16777215), IF((2000 + @round) % 6, 4294967295, 0), IF((2000 + @round) % 7, 18446744073709551615 - (2000 + @round), (2000 + @round)));
DELETE FROM t WHERE id = 2000 + @round - 3;

-- BINARY and VARBINARY values that end in zero bytes or spaces.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a BINARY(6),
  b VARBINARY(6)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, CONCAT(CHAR(n % 256), REPEAT(CHAR(0), n % 5)), CONCAT(CHAR(n % 256), REPEAT(CHAR(0), n % 4), IF(n % 3, '', ' ')) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET a = X'00', b = X'000000' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, CONCAT(CHAR(@round % 256), REPEAT(CHAR(0), @round % 5)), CONCAT(CHAR(@round % 256), REPEAT(CHAR(0), @round % 4), IF(@round % 3, '', ' ')));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, CONCAT(CHAR((2000 + @round) % 256), REPEAT(CHAR(0), (2000 + @round) % 5)), CONCAT(CHAR((2000 + @round) % 256), REPEAT(CHAR(0), (2000 + @round) % 4), IF((2000 + @round) % 3, '', ' ')));
DELETE FROM t WHERE id = 2000 + @round - 3;

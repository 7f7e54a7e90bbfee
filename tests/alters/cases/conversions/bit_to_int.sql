-- BIT(64) and BIT(5) become integers.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a BIT(64),
  b BIT(5)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, 18446744073709551615 - n, n % 32 FROM n;
-- @alter
ALTER TABLE t MODIFY a BIGINT UNSIGNED, MODIFY b TINYINT
-- @dml
UPDATE t SET a = 1, b = NULL WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, 18446744073709551615 - @round, @round % 32);
INSERT INTO t VALUES (2000 + @round, 18446744073709551615 - (2000 + @round), (2000 + @round) % 32);
DELETE FROM t WHERE id = 2000 + @round - 3;

-- FLOAT and DOUBLE become VARCHAR.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a FLOAT,
  b DOUBLE
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, (n - 75) / 3e0, (n - 75) * 1e17 / 3 FROM n;
-- @alter
ALTER TABLE t MODIFY a VARCHAR(30), MODIFY b VARCHAR(30)
-- @dml
UPDATE t SET a = -0e0, b = 1e300 WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, (@round - 75) / 3e0, (@round - 75) * 1e17 / 3);
INSERT INTO t VALUES (2000 + @round, ((2000 + @round) - 75) / 3e0, ((2000 + @round) - 75) * 1e17 / 3);
DELETE FROM t WHERE id = 2000 + @round - 3;

-- A DECIMAL loses digits in front of the point, and a value does not fit.
-- @expect fails Out of range value
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v DECIMAL(12,2)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, n * 6 FROM n;
INSERT INTO t VALUES (900, 1000);
-- @alter
ALTER TABLE t MODIFY v DECIMAL(5,2)
-- @dml
UPDATE t SET v = 999.99 WHERE id % 30 = @round % 30 AND id < 900;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, @round * 6);
INSERT INTO t VALUES (2000 + @round, (2000 + @round) * 6);
DELETE FROM t WHERE id = 2000 + @round - 3;

-- DOUBLE becomes DECIMAL(20,6).
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v DOUBLE
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, (n - 75) / 7e0 FROM n;
-- @alter
ALTER TABLE t MODIFY v DECIMAL(20,6)
-- @dml
UPDATE t SET v = 0.0000005 WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, (@round - 75) / 7e0);
INSERT INTO t VALUES (2000 + @round, ((2000 + @round) - 75) / 7e0);
DELETE FROM t WHERE id = 2000 + @round - 3;

-- INT becomes DECIMAL(12,2).
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, n - 75 FROM n;
-- @alter
ALTER TABLE t MODIFY v DECIMAL(12,2)
-- @dml
UPDATE t SET v = 2147483647 WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, @round - 75);
INSERT INTO t VALUES (2000 + @round, (2000 + @round) - 75);
DELETE FROM t WHERE id = 2000 + @round - 3;

-- VARCHAR becomes DECIMAL, with more decimals than it keeps.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v VARCHAR(30)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, CONCAT(n - 75, '.12') FROM n;
-- @alter
ALTER TABLE t MODIFY v DECIMAL(10,3)
-- @dml
UPDATE t SET v = '1e2' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, CONCAT(@round - 75, '.12'));
INSERT INTO t VALUES (2000 + @round, CONCAT((2000 + @round) - 75, '.12'));
DELETE FROM t WHERE id = 2000 + @round - 3;

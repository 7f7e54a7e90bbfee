-- VARCHAR becomes DOUBLE.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v VARCHAR(30)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, CONCAT(n - 75, '.1e', n % 20) FROM n;
-- @alter
ALTER TABLE t MODIFY v DOUBLE
-- @dml
UPDATE t SET v = '-0' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, CONCAT(@round - 75, '.1e', @round % 20));
INSERT INTO t VALUES (2000 + @round, CONCAT((2000 + @round) - 75, '.1e', (2000 + @round) % 20));
DELETE FROM t WHERE id = 2000 + @round - 3;

-- Every row takes over its neighbour's value of a unique key, in one statement over the whole table.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  b INT NOT NULL,
  v INT,
  UNIQUE KEY by_b (b)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 300)
  SELECT n, n * 2, 0 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT
-- @dml
UPDATE t SET b = b + 2 ORDER BY b DESC;
UPDATE t SET v = v + 1 WHERE id % 50 = @round % 50;
-- @dml following
UPDATE t SET b = b - 2 ORDER BY b;

-- Each of 60,000 rows takes over its neighbour's value of a unique key, while Outlast catches up and again when it is ready.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  place INT NOT NULL,
  v INT,
  UNIQUE KEY (place)
);
INSERT /*+ SET_VAR(cte_max_recursion_depth = 100000) */ INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 60000)
  SELECT n, n, 0 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT
-- @options --chunk-rows 5000 --chunk-pause 20ms
-- @dml
UPDATE t SET v = v + 1 WHERE id % 5000 = @round % 5000;
-- @dml following
UPDATE t SET place = place + 1 ORDER BY place DESC;
-- @dml ready
UPDATE t SET place = place - 1 ORDER BY place;

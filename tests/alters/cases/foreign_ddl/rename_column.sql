-- Somebody renames a column that nothing else is done to.
-- @expect stops changed by another statement
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT NOT NULL,
  b VARCHAR(40),
  c DATE
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n * 2, CONCAT('b', n), DATE '2024-01-01' + INTERVAL n DAY FROM n;
-- @alter
ALTER TABLE t ADD COLUMN x INT
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;
-- @dml following
ALTER TABLE t RENAME COLUMN c TO b, RENAME COLUMN b TO c;
UPDATE t SET a = a + 1 WHERE id < 10;

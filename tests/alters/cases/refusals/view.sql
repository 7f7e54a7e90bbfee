-- The name is that of a view.
-- @table shown
-- @expect refused view
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
CREATE VIEW shown AS SELECT * FROM t;
-- @alter
ALTER TABLE shown ADD COLUMN x INT

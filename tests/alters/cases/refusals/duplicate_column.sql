-- MySQL rejects the statement, for a column of that name exists.
-- @expect refused Duplicate column
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
ALTER TABLE t ADD COLUMN a INT

-- An AUTO_INCREMENT column is added: its values depend on the order in which rows are read.
-- @expect refused AUTO_INCREMENT
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
ALTER TABLE t ADD COLUMN number INT NOT NULL AUTO_INCREMENT, ADD KEY (number)

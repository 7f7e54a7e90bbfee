-- A table with a trigger.
-- @expect refused trigger
-- @peers gh-ost: with --include-triggers; pt-online-schema-change: with --preserve-triggers; Spirit: not supported
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
CREATE TRIGGER count_rows BEFORE INSERT ON t FOR EACH ROW SET NEW.a = NEW.a + 1;
-- @alter
ALTER TABLE t ADD COLUMN x INT

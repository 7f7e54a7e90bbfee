-- A table without any key.
-- @expect refused key
-- @peers gh-ost: needs a primary or unique key; pt-online-schema-change: refuses in most cases; Spirit: needs a primary key; Vitess: needs a unique key without nullable columns
-- @create
CREATE TABLE t (
  id INT,
  a INT NOT NULL,
  b VARCHAR(40),
  c DATE
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n * 2, CONCAT('b', n), DATE '2024-01-01' + INTERVAL n DAY FROM n;
-- @alter
ALTER TABLE t ADD COLUMN x INT

-- A virtual generated column is added.
-- @path instant
-- @peers gh-ost: with --attempt-instant-ddl; Spirit: tries INSTANT first; Vitess: with --prefer-instant-ddl
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
ALTER TABLE t ADD COLUMN g INT AS (a * 2) VIRTUAL
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t (id, a, b, c) VALUES (1 + @round * 7 % 200, @round, CONCAT('r', @round), NULL);
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 200;
INSERT INTO t (id, a, b, c) VALUES (2000 + @round, @round, CONCAT('r', @round), NULL);
DELETE FROM t WHERE id = 2000 + @round - 3;

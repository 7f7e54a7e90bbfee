-- A table with a multi-valued index is copied.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT,
  doc JSON,
  KEY m (a, (CAST(doc AS CHAR(20) ARRAY)))
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, JSON_ARRAY(CONCAT('t', n), 'all') FROM n;
-- @alter
ALTER TABLE t ADD COLUMN x INT
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t (id, a, doc) VALUES (1 + @round * 7 % 200, 1, JSON_ARRAY(CONCAT('r', @round)));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 200;
INSERT INTO t (id, a, doc) VALUES (2000 + @round, 1, JSON_ARRAY(CONCAT('r', @round)));
DELETE FROM t WHERE id = 2000 + @round - 3;

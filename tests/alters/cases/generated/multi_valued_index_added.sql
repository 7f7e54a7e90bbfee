-- A multi-valued index on a JSON array is added.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT,
  doc JSON
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, JSON_OBJECT('tags', JSON_ARRAY(n, n + 1, n % 7)) FROM n;
-- @alter
ALTER TABLE t ADD INDEX m ((CAST(doc -> '$.tags' AS UNSIGNED ARRAY)))
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t (id, a, doc) VALUES (1 + @round * 7 % 200, 1, JSON_OBJECT('tags', JSON_ARRAY(@round)));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 200;
INSERT INTO t (id, a, doc) VALUES (2000 + @round, 1, JSON_OBJECT('tags', JSON_ARRAY(@round)));
DELETE FROM t WHERE id = 2000 + @round - 3;

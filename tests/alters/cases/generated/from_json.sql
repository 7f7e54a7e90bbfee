-- A virtual generated column of a JSON document is indexed, and the document rewritten.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT,
  doc JSON,
  name VARCHAR(50) AS (doc ->> '$.name') VIRTUAL,
  KEY by_name (name)
);
INSERT INTO t (id, a, doc)
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, JSON_OBJECT('name', CONCAT('n', n)) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN x INT
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t (id, a, doc) VALUES (1 + @round * 7 % 200, 1, JSON_OBJECT('name', @round));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 200;
INSERT INTO t (id, a, doc) VALUES (2000 + @round, 1, JSON_OBJECT('name', @round));
DELETE FROM t WHERE id = 2000 + @round - 3;
UPDATE t SET doc = JSON_SET(doc, '$.name', 'changed') WHERE id = 1 + @round * 13 % 200;

-- JSON documents changed in place by JSON_SET, JSON_REPLACE and JSON_REMOVE.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  j JSON NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, JSON_OBJECT('name', CONCAT('name ', n), 'tags', JSON_ARRAY(1, 2, 3), 'text', REPEAT('x', 500), 'gone', TRUE) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET j = JSON_SET(j, '$.name', @round, '$.tags[1]', 'ä') WHERE id % 30 = @round % 30;
UPDATE t SET j = JSON_REPLACE(j, '$.text', 'short') WHERE id = 1 + @round * 7 % 120;
UPDATE t SET j = JSON_REMOVE(j, '$.gone'), id = id WHERE id = 1 + @round * 11 % 120;
INSERT INTO t VALUES (1000 + @round, '{"a": 1.0, "a": 2}');

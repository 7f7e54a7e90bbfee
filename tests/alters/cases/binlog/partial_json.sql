-- JSON updates that the binlog holds as differences (binlog_row_value_options = PARTIAL_JSON).
-- @session SET SESSION binlog_row_value_options = PARTIAL_JSON
-- @peers Spirit: needs binlog_row_value_options empty
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  doc JSON NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, JSON_OBJECT('n', n, 'text', REPEAT('x', 300), 'list', JSON_ARRAY(1, 2)) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET doc = JSON_SET(doc, '$.n', @round, '$.list[0]', 'new') WHERE id % 25 = @round % 25;
UPDATE t SET doc = JSON_REMOVE(doc, '$.text') WHERE id = 1 + @round * 7 % 200;
DELETE FROM t WHERE id = 1000 + @round - 3;
INSERT INTO t VALUES (1000 + @round, '{"n": 1, "list": [1]}');

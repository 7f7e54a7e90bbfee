-- JSON differences in row images of the smallest kind, compressed.
-- @session SET SESSION binlog_row_value_options = PARTIAL_JSON
-- @session SET SESSION binlog_row_image = 'MINIMAL'
-- @session SET SESSION binlog_transaction_compression = ON
-- @peers gh-ost: needs row image FULL; Spirit: needs row image FULL, binlog_row_value_options empty and compression off
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  doc JSON
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, JSON_OBJECT('n', n, 'text', REPEAT('x', 300)) FROM n;
-- @alter
ALTER TABLE t MODIFY doc LONGTEXT
-- @dml
UPDATE t SET doc = JSON_REPLACE(doc, '$.n', @round) WHERE id % 25 = @round % 25;
UPDATE t SET id = id + 1000 WHERE id = 1 + @round * 7 % 200;
INSERT INTO t VALUES (3000 + @round, '[]');

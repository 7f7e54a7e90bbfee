-- Row images without unchanged BLOB columns (binlog_row_image = NOBLOB), in the application's sessions.
-- @session SET SESSION binlog_row_image = 'NOBLOB'
-- @peers gh-ost, Spirit: need row image FULL; Vitess: supported, without BLOB in the key
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT NOT NULL,
  note VARCHAR(100),
  doc BLOB
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, CONCAT('note ', n), REPEAT('d', n) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7, MODIFY v BIGINT NOT NULL
-- @dml
UPDATE t SET v = v + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t VALUES (1 + @round * 7 % 200, @round, 'again', 'blob');
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 200;
INSERT INTO t VALUES (2000 + @round, @round, REPEAT('x', 100), NULL);
DELETE FROM t WHERE id = 2000 + @round - 3;
UPDATE t SET doc = REPEAT('b', @round) WHERE id = 1 + @round * 13 % 200;

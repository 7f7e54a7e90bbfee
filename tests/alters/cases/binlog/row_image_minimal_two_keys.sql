-- Row images of the smallest kind on a table whose primary key is not its first column and is text.
-- @session SET SESSION binlog_row_image = 'MINIMAL'
-- @peers gh-ost, Spirit: need row image FULL
-- @create
CREATE TABLE t (
  id INT,
  v INT NOT NULL,
  note VARCHAR(100) PRIMARY KEY
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, CONCAT('note ', n) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7, MODIFY v BIGINT NOT NULL
-- @dml
UPDATE t SET v = v + 1 WHERE id % 25 = @round % 25;
UPDATE t SET note = UPPER(note) WHERE id = 1 + @round * 7 % 200;
UPDATE t SET note = CONCAT('moved ', @round) WHERE id = 1 + @round * 11 % 200;
DELETE FROM t WHERE id = 1 + @round * 13 % 200;
INSERT INTO t VALUES (1 + @round * 13 % 200, @round, CONCAT('again ', @round));

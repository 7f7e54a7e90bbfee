-- Adds a column while all unique values are dealt out anew at random in one transaction: almost every row stands in another's way, in chains and circles.
-- @create
CREATE TABLE t (id INT PRIMARY KEY, place INT NOT NULL, v INT, UNIQUE KEY (place));
INSERT INTO t
  WITH RECURSIVE n AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM n WHERE id < 900) SELECT id, id, 0 FROM n;
INSERT INTO t SELECT id + 900, place + 900, 0 FROM t;
INSERT INTO t SELECT id + 1800, place + 1800, 0 FROM t;
-- @alter
ALTER TABLE t ADD COLUMN x INT
-- @options --chunk-rows 200 --chunk-pause 20ms
-- @dml
UPDATE t SET v = v + 1 WHERE id = 1 + @round % 50;
-- @dml following
CREATE TEMPORARY TABLE deal AS SELECT id, ROW_NUMBER() OVER (ORDER BY SHA2(CONCAT(id, ' ', 7), 256)) AS place FROM t;
BEGIN;
UPDATE t SET place = -place;
UPDATE t JOIN deal USING (id) SET t.place = deal.place;
COMMIT;
-- @dml ready
CREATE TEMPORARY TABLE deal AS SELECT id, ROW_NUMBER() OVER (ORDER BY SHA2(CONCAT(id, ' ', 8), 256)) AS place FROM t;
BEGIN;
UPDATE t SET place = -place;
UPDATE t JOIN deal USING (id) SET t.place = deal.place;
COMMIT;

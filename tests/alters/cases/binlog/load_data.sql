-- LOAD DATA INFILE … REPLACE from a file on the server, written by the case itself; a second run finds the file there.
-- @errors 1086
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT NOT NULL,
  note VARCHAR(100)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, CONCAT('note ', n) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7, MODIFY v BIGINT NOT NULL
-- @dml
LOAD DATA INFILE './outlast_load_data.txt' REPLACE INTO TABLE t (@id, @v, note) SET id = @id + @round % 20, v = @v + @round;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
-- @dml before
SELECT 1000 + id * 10, id, note FROM t WHERE id <= 20 ORDER BY id INTO OUTFILE './outlast_load_data.txt';
UPDATE t SET v = v + 1;

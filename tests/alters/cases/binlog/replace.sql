-- REPLACE over existing rows and new ones, through the primary key and a unique key.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT NOT NULL,
  note VARCHAR(100)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, CONCAT('note ', n) FROM n;
ALTER TABLE t ADD UNIQUE KEY (note);
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7, MODIFY v BIGINT NOT NULL
-- @dml
REPLACE INTO t VALUES (1 + @round * 7 % 200, @round, CONCAT('note ', 1 + @round * 11 % 200)), (1000 + @round, 1, CONCAT('new ', @round));
REPLACE INTO t SELECT id + 1, v, note FROM (SELECT * FROM t WHERE id = @round * 13 % 200) AS s;
UPDATE t SET v = v + 1 WHERE id % 25 = @round % 25;

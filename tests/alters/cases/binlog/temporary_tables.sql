-- The application works with temporary tables, one of which hides the migrated table.
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
CREATE TEMPORARY TABLE picked (id INT PRIMARY KEY);
INSERT INTO picked SELECT id FROM t WHERE id % 25 = @round % 25;
UPDATE t JOIN picked USING (id) SET t.v = t.v + 1;
CREATE TEMPORARY TABLE t (id INT PRIMARY KEY, v INT, note VARCHAR(100));
INSERT INTO t VALUES (1, 1, 'hidden');
DELETE FROM t;
TRUNCATE TABLE t;
DROP TEMPORARY TABLE t;
INSERT INTO t SELECT id + 1000, @round, 'from a temporary table' FROM picked ON DUPLICATE KEY UPDATE v = VALUES(v);
DROP TEMPORARY TABLE picked;

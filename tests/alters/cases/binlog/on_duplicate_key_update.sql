-- INSERT … ON DUPLICATE KEY UPDATE that inserts, updates, and changes the key.
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
INSERT INTO t VALUES (1 + @round * 7 % 200, @round, 'upsert'), (1000 + @round, @round, 'upsert') AS new ON DUPLICATE KEY UPDATE v = new.v, note = new.note;
INSERT INTO t VALUES (1 + @round * 11 % 200, 0, 'upsert') ON DUPLICATE KEY UPDATE id = 3000 + @round;
INSERT INTO t SELECT id, v, note FROM (SELECT * FROM t WHERE id % 30 = @round % 30) AS s ON DUPLICATE KEY UPDATE v = t.v + 1;

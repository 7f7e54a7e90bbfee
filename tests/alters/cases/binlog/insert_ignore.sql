-- INSERT IGNORE and UPDATE IGNORE, of which only some rows take effect.
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
INSERT IGNORE INTO t VALUES (1 + @round * 7 % 200, @round, 'ignored'), (1000 + @round, @round, 'kept');
UPDATE IGNORE t SET id = id + 1 WHERE id IN (1 + @round * 11 % 200, 1000 + @round);
DELETE FROM t WHERE id = 1001 + @round - 4;

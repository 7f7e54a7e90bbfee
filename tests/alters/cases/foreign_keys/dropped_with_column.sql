-- A foreign key is dropped together with its column and index.
-- @peers gh-ost: only with --discard-foreign-keys, which drops all of them; Spirit: not supported; Vitess: not allowed, except as an experiment with a patched MySQL
-- @create
CREATE TABLE parent (id INT PRIMARY KEY, v INT);
INSERT INTO parent
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 60)
  SELECT n, n FROM n;
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT NOT NULL,
  parent_id INT,
  KEY (parent_id),
  CONSTRAINT of_parent FOREIGN KEY (parent_id) REFERENCES parent (id)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, 1 + n % 60 FROM n;
-- @alter
ALTER TABLE t DROP CONSTRAINT of_parent, DROP COLUMN parent_id
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO parent VALUES (1 + @round % 60, 0) ON DUPLICATE KEY UPDATE v = parent.v + 1;
INSERT INTO t VALUES (1 + @round * 7 % 200, @round, 1 + @round % 60);
UPDATE t SET parent_id = NULL WHERE id = 1 + @round * 11 % 200;

-- A child table of two parents with different actions.
-- @peers gh-ost: refuses (foreign keys are not supported); pt-online-schema-change: its foreign keys may get other names; Spirit: not supported; Vitess: not allowed, except as an experiment with a patched MySQL
-- @create
CREATE TABLE parent (id INT PRIMARY KEY, v INT);
INSERT INTO parent
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 60)
  SELECT n, n FROM n;
CREATE TABLE other (id VARCHAR(10) PRIMARY KEY);
INSERT INTO other SELECT CONCAT('o', id) FROM parent;
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT NOT NULL,
  parent_id INT,
  other_id VARCHAR(10),
  KEY (parent_id),
  CONSTRAINT of_parent FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE,
  FOREIGN KEY (other_id) REFERENCES other (id) ON DELETE SET NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, 1 + n % 60, CONCAT('o', 1 + n % 50) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN x INT
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO parent VALUES (1 + @round % 60, 0) ON DUPLICATE KEY UPDATE v = parent.v + 1;
INSERT INTO t VALUES (1 + @round * 7 % 200, @round, 1 + @round % 60, NULL);
UPDATE t SET parent_id = NULL WHERE id = 1 + @round * 11 % 200;
DELETE FROM parent WHERE id = 1 + @round * 13 % 60;
DELETE FROM other WHERE id = CONCAT('o', 1 + @round * 17 % 60);

-- The foreign key's column is part of the child's primary key, and changes by ON UPDATE CASCADE.
-- @peers gh-ost: refuses (foreign keys are not supported); pt-online-schema-change: its foreign keys may get other names; Spirit: not supported; Vitess: not allowed, except as an experiment with a patched MySQL
-- @create
CREATE TABLE parent (id INT PRIMARY KEY, v INT);
INSERT INTO parent
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 60)
  SELECT n, n FROM n;
CREATE TABLE t (
  parent_id INT NOT NULL,
  id INT NOT NULL,
  a INT NOT NULL,
  PRIMARY KEY (parent_id, id),
  FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT 1 + n % 60, n, 0 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN x INT
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;
UPDATE parent SET id = 1000 + @round WHERE id = 1 + @round * 13 % 60;
DELETE FROM parent WHERE id = 1000 + @round - 5;
INSERT INTO parent VALUES (1 + @round * 13 % 60, 0);
INSERT INTO t VALUES (1 + @round * 13 % 60, 1000 + @round, 1);

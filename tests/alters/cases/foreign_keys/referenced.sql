-- A table that another table's foreign key refers to.
-- @expect refused to_t
-- @peers gh-ost: refuses (foreign keys are not supported); pt-online-schema-change: refuses, unless --alter-foreign-keys-method; Spirit: not supported; Vitess: not allowed, except as an experiment with a patched MySQL
-- @create
CREATE TABLE t (id INT PRIMARY KEY, a INT);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n FROM n;
CREATE TABLE child (id INT PRIMARY KEY, t_id INT, CONSTRAINT to_t FOREIGN KEY (t_id) REFERENCES t (id));
INSERT INTO child SELECT id, id FROM t WHERE id <= 50;
-- @alter
ALTER TABLE t ADD COLUMN x INT
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;

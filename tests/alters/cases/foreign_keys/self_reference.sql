-- A table with a foreign key to itself.
-- @peers gh-ost: refuses (foreign keys are not supported); pt-online-schema-change: refuses, unless --no-check-foreign-keys; Spirit: not supported; Vitess: not allowed, except as an experiment with a patched MySQL
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT NOT NULL,
  above INT,
  KEY (above),
  CONSTRAINT to_itself FOREIGN KEY (above) REFERENCES t (id) ON DELETE SET NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, NULL FROM n;
UPDATE t SET above = id DIV 2 WHERE id > 1;
-- @alter
ALTER TABLE t ADD COLUMN x INT
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 2 + @round * 7 % 190;
INSERT INTO t VALUES (2 + @round * 7 % 190, @round, 1);
INSERT INTO t VALUES (1000 + @round, 1, 1000 + @round);

-- A foreign key is added.
-- @expect refused foreign key
-- @peers gh-ost: foreign keys are not supported; Spirit: foreign keys are not supported
-- @create
CREATE TABLE parent (id INT PRIMARY KEY, v INT);
INSERT INTO parent
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 60)
  SELECT n, n FROM n;
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT NOT NULL,
  parent_id INT,
  KEY (parent_id)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, 1 + n % 60 FROM n;
-- @alter
ALTER TABLE t ADD CONSTRAINT of_parent FOREIGN KEY (parent_id) REFERENCES parent (id)
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;

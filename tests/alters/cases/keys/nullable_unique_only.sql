-- The only unique key is nullable: rows with NULL can not be told apart by it.
-- @expect refused nullable
-- @peers gh-ost: refuses, unless --allow-nullable-unique-key; rows with NULL may be corrupted then; Spirit: needs a primary key; Vitess: such a key is not eligible
-- @create
CREATE TABLE t (
  id INT NULL,
  code VARCHAR(30),
  v INT,
  UNIQUE KEY nullable (id)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT IF(n % 5, n, NULL), CONCAT('c', n), 0 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE id % 25 = @round % 25;
INSERT INTO t VALUES (NULL, 'another', @round);

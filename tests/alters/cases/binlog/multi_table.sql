-- UPDATE and DELETE over several tables.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT NOT NULL,
  note VARCHAR(100)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, CONCAT('note ', n) FROM n;
CREATE TABLE other (id INT PRIMARY KEY, v INT);
INSERT INTO other SELECT id, 1 FROM t;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7, MODIFY v BIGINT NOT NULL
-- @dml
UPDATE t JOIN other ON other.id = t.id SET t.v = t.v + other.v, other.v = other.v + 1 WHERE other.id % 20 = @round % 20;
DELETE t, other FROM t JOIN other USING (id) WHERE t.id = 1 + @round * 7 % 200;
DELETE FROM o USING other AS o JOIN t ON t.id = o.id WHERE t.id = 1 + @round * 11 % 200;
INSERT INTO other VALUES (1 + @round * 7 % 200, 5);
REPLACE INTO t SELECT id, v, 'from other' FROM other WHERE id = 1 + @round * 7 % 200;

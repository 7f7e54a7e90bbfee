-- BLOB becomes TEXT.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v BLOB
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, CAST(CONCAT('Größe ', n) AS BINARY) FROM n;
-- @alter
ALTER TABLE t MODIFY v TEXT CHARACTER SET utf8mb4
-- @dml
UPDATE t SET v = CAST('日本' AS BINARY) WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, CAST(CONCAT('Größe ', @round) AS BINARY));
INSERT INTO t VALUES (2000 + @round, CAST(CONCAT('Größe ', (2000 + @round)) AS BINARY));
DELETE FROM t WHERE id = 2000 + @round - 3;

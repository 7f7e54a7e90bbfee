-- TEXT becomes MEDIUMBLOB.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v TEXT CHARACTER SET utf16
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, CONCAT('Größe ', n) FROM n;
-- @alter
ALTER TABLE t MODIFY v MEDIUMBLOB
-- @dml
UPDATE t SET v = '日本' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, CONCAT('Größe ', @round));
INSERT INTO t VALUES (2000 + @round, CONCAT('Größe ', (2000 + @round)));
DELETE FROM t WHERE id = 2000 + @round - 3;

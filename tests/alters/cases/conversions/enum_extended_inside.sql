-- An ENUM gets members in front and in the middle.
-- @peers Spirit: members that stay can not be moved, nor others put before them
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v ENUM('a', 'b', 'c') NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, 1 + n % 3 FROM n;
-- @alter
ALTER TABLE t MODIFY v ENUM('0', 'a', 'aa', 'b', 'c') NOT NULL
-- @dml
UPDATE t SET v = 'c' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, 1 + @round % 3);
INSERT INTO t VALUES (2000 + @round, 1 + (2000 + @round) % 3);
DELETE FROM t WHERE id = 2000 + @round - 3;

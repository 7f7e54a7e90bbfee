-- The members of an ENUM stand in another order: rows keep their text, not their number.
-- @peers Spirit: members that stay can not be moved, nor others put before them
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v ENUM('a', 'b', 'c', 'd')
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, 1 + n % 4 FROM n;
-- @alter
ALTER TABLE t MODIFY v ENUM('d', 'c', 'a', 'b')
-- @dml
UPDATE t SET v = 'd' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, 1 + @round % 4);
INSERT INTO t VALUES (2000 + @round, 1 + (2000 + @round) % 4);
DELETE FROM t WHERE id = 2000 + @round - 3;

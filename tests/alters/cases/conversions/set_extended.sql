-- A SET gets members, also in the middle.
-- @peers Spirit: members can only be added at the end
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v SET('a', 'b', 'c')
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, n % 8 FROM n;
-- @alter
ALTER TABLE t MODIFY v SET('a', 'new', 'b', 'c', 'd')
-- @dml
UPDATE t SET v = 'a,c' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, @round % 8);
INSERT INTO t VALUES (2000 + @round, (2000 + @round) % 8);
DELETE FROM t WHERE id = 2000 + @round - 3;

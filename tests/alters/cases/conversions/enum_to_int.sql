-- ENUM becomes TINYINT: MySQL takes the member's number.
-- @peers Spirit: not supported
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v ENUM('7', '5', '3')
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, 1 + n % 3 FROM n;
-- @alter
ALTER TABLE t MODIFY v TINYINT
-- @dml
UPDATE t SET v = 1 + @round % 3 WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, 1 + @round % 3);
INSERT INTO t VALUES (2000 + @round, 1 + (2000 + @round) % 3);
DELETE FROM t WHERE id = 2000 + @round - 3;

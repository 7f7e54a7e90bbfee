-- An ENUM loses a member that no row has.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v ENUM('a', 'b', 'unused', 'c')
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, ELT(1 + n % 3, 'a', 'b', 'c') FROM n;
-- @alter
ALTER TABLE t MODIFY v ENUM('a', 'b', 'c')
-- @dml
UPDATE t SET v = 'c' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, ELT(1 + @round % 3, 'a', 'b', 'c'));
INSERT INTO t VALUES (2000 + @round, ELT(1 + (2000 + @round) % 3, 'a', 'b', 'c'));
DELETE FROM t WHERE id = 2000 + @round - 3;

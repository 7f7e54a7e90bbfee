-- An ENUM loses a member that a row written during the copy has.
-- @expect fails Data truncated for column 'v'
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v ENUM('a', 'b', 'old', 'c')
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, ELT(1 + n % 3, 'a', 'b', 'c') FROM n;
-- @alter
ALTER TABLE t MODIFY v ENUM('a', 'b', 'c')
-- @dml
UPDATE t SET v = 'c' WHERE id % 30 = @round % 30 AND id < 900;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, ELT(1 + @round % 3, 'a', 'b', 'c'));
INSERT INTO t VALUES (2000 + @round, ELT(1 + (2000 + @round) % 3, 'a', 'b', 'c'));
DELETE FROM t WHERE id = 2000 + @round - 3;
-- @dml copying
INSERT INTO t VALUES (5000, 'old');

-- An ENUM column with rows that hold the error value, the empty string of index 0.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a ENUM('x', 'y')
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, 1 + n % 2 FROM n;
SET SESSION sql_mode = '';
UPDATE t SET a = 'no such member' WHERE id % 10 = 3;
-- @alter
ALTER TABLE t ADD COLUMN extra INT
-- @dml
UPDATE t SET a = 1 + @round % 2 WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, 1 + @round % 2);
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, 1 + (2000 + @round) % 2);
DELETE FROM t WHERE id = 2000 + @round - 3;

-- A column with ON UPDATE CURRENT_TIMESTAMP keeps its values in the copy; the application sets them itself.
-- @time
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT NOT NULL,
  changed TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  seen DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, FROM_UNIXTIME(1000000000 + n), '1999-12-31 23:59:59' FROM n;
-- @alter
ALTER TABLE t ADD COLUMN x INT
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;
UPDATE t SET a = a + 1, changed = changed, seen = '2001-01-01 00:00:00' WHERE id = 1 + @round * 7 % 200;
INSERT INTO t (id, a) VALUES (1000 + @round, 1);
DELETE FROM t WHERE id = 1000 + @round - 3;
UPDATE t SET id = -id WHERE id = 1 + @round * 11 % 200;

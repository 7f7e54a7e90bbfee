-- INT becomes TINYINT; a value that does not fit is written during the copy.
-- @expect fails Out of range value
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, n % 100 FROM n;
-- @alter
ALTER TABLE t MODIFY v TINYINT
-- @dml
UPDATE t SET v = @round % 100 WHERE id % 30 = @round % 30 AND id < 900;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, @round % 100);
INSERT INTO t VALUES (2000 + @round, (2000 + @round) % 100);
DELETE FROM t WHERE id = 2000 + @round - 3;
-- @dml copying
INSERT INTO t VALUES (5000, 128);

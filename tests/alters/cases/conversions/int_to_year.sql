-- INT becomes YEAR.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, 1901 + n % 250 FROM n;
-- @alter
ALTER TABLE t MODIFY v YEAR
-- @dml
UPDATE t SET v = 2155 WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, 1901 + @round % 250);
INSERT INTO t VALUES (2000 + @round, 1901 + (2000 + @round) % 250);
DELETE FROM t WHERE id = 2000 + @round - 3;

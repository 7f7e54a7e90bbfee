-- YEAR becomes SMALLINT, and 0000 becomes 0.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v YEAR
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, IF(n % 3, 1901 + n % 250, 0) FROM n;
-- @alter
ALTER TABLE t MODIFY v SMALLINT
-- @dml
UPDATE t SET v = 2155 WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, IF(@round % 3, 1901 + @round % 250, 0));
INSERT INTO t VALUES (2000 + @round, IF((2000 + @round) % 3, 1901 + (2000 + @round) % 250, 0));
DELETE FROM t WHERE id = 2000 + @round - 3;

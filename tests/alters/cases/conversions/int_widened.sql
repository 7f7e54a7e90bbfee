-- INT becomes BIGINT.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, IF(n % 2, 2147483647, -2147483648 + n) FROM n;
-- @alter
ALTER TABLE t MODIFY v BIGINT
-- @dml
UPDATE t SET v = @round WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, IF(@round % 2, 2147483647, -2147483648 + @round));
INSERT INTO t VALUES (2000 + @round, IF((2000 + @round) % 2, 2147483647, -2147483648 + (2000 + @round)));
DELETE FROM t WHERE id = 2000 + @round - 3;

-- TIME columns become text and numbers.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a TIME(3),
  b TIME
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, SEC_TO_TIME((n - 75) * 60.123), SEC_TO_TIME(n * 100) FROM n;
-- @alter
ALTER TABLE t MODIFY a VARCHAR(20), MODIFY b INT
-- @dml
UPDATE t SET a = '-00:00:00.001' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, SEC_TO_TIME((@round - 75) * 60.123), SEC_TO_TIME(@round * 100));
INSERT INTO t VALUES (2000 + @round, SEC_TO_TIME(((2000 + @round) - 75) * 60.123), SEC_TO_TIME((2000 + @round) * 100));
DELETE FROM t WHERE id = 2000 + @round - 3;

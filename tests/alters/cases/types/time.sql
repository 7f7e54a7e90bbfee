-- TIME columns with all precisions from 0 to 6 and negative values.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  t0 TIME(0),
  t1 TIME(1),
  t2 TIME(2),
  t3 TIME(3),
  t4 TIME(4),
  t5 TIME(5),
  t6 TIME(6)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, SEC_TO_TIME((n - 75) * 0.123457), SEC_TO_TIME((n - 75) * 0.123457), SEC_TO_TIME((n - 75) * 0.123457), SEC_TO_TIME((n - 75) * 0.123457), SEC_TO_TIME((n - 75) * 0.123457), SEC_TO_TIME((n - 75) * 0.123457), SEC_TO_TIME((n - 75) * 0.123457) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET t0 = SEC_TO_TIME(-0.5 - @round), t1 = SEC_TO_TIME(-0.5 - @round), t2 = SEC_TO_TIME(-0.5 - @round), t3 = SEC_TO_TIME(-0.5 - @round), t4 = SEC_TO_TIME(-0.5 - @round), t5 = SEC_TO_TIME(-0.5 - @round), t6 = SEC_TO_TIME(-0.5 - @round) WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, SEC_TO_TIME((@round - 75) * 0.123457), SEC_TO_TIME((@round - 75) * 0.123457), SEC_TO_TIME((@round - 75) * 0.123457), SEC_TO_TIME((@round - 75) * 0.123457), SEC_TO_TIME((@round - 75) * 0.123457), SEC_TO_TIME((@round - 75) * 0.123457), SEC_TO_TIME((@round - 75) * 0.123457));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, SEC_TO_TIME(((2000 + @round) - 75) * 0.123457), SEC_TO_TIME(((2000 + @round) - 75) * 0.123457), SEC_TO_TIME(((2000 + @round) - 75) * 0.123457), SEC_TO_TIME(((2000 + @round) - 75) * 0.123457), SEC_TO_TIME(((2000 + @round) - 75) * 0.123457), SEC_TO_TIME(((2000 + @round) - 75) * 0.123457), SEC_TO_TIME(((2000 + @round) - 75) * 0.123457));
DELETE FROM t WHERE id = 2000 + @round - 3;

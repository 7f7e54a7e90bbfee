-- TIME(6) becomes TIME(1): MySQL rounds.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v TIME(6)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, SEC_TO_TIME((n - 75) * 0.123457) FROM n;
-- @alter
ALTER TABLE t MODIFY v TIME(1)
-- @dml
UPDATE t SET v = '-00:00:00.050000' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, SEC_TO_TIME((@round - 75) * 0.123457));
INSERT INTO t VALUES (2000 + @round, SEC_TO_TIME(((2000 + @round) - 75) * 0.123457));
DELETE FROM t WHERE id = 2000 + @round - 3;

-- VARCHAR becomes INT; all texts are numbers, some with spaces.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v VARCHAR(20)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, CONCAT(IF(n % 4, '', ' '), n - 75) FROM n;
-- @alter
ALTER TABLE t MODIFY v INT
-- @dml
UPDATE t SET v = CONCAT('-', @round) WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, CONCAT(IF(@round % 4, '', ' '), @round - 75));
INSERT INTO t VALUES (2000 + @round, CONCAT(IF((2000 + @round) % 4, '', ' '), (2000 + @round) - 75));
DELETE FROM t WHERE id = 2000 + @round - 3;

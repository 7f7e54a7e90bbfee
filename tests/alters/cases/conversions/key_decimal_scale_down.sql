-- The DECIMAL(12,4) primary key loses decimals, and no two keys become equal.
-- @expect refused may become one
-- @create
CREATE TABLE t (
  k DECIMAL(12,4) NOT NULL PRIMARY KEY,
  n INT NOT NULL,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT (n - 100) * 1.1255, n, n % 10 FROM n;
-- @alter
ALTER TABLE t MODIFY k DECIMAL(12,2) NOT NULL
-- @dml
UPDATE t SET v = v + 1 WHERE n % 40 = @round % 40;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES ((@n - 100) * 1.1255, @n, @round);
SET @n = 1000 + @round;
UPDATE t SET k = (@n - 100) * 1.1255, n = @n WHERE n = 1 + @round * 11 % 200;
SET @n = 2000 + @round;
INSERT INTO t VALUES ((@n - 100) * 1.1255, @n, 1);
DELETE FROM t WHERE n = 2000 + @round - 5;

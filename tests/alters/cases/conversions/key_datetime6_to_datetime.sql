-- The DATETIME(6) primary key becomes DATETIME: MySQL rounds, and no two keys become equal.
-- @expect refused may become one
-- @create
CREATE TABLE t (
  k DATETIME(6) NOT NULL PRIMARY KEY,
  n INT NOT NULL,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT TIMESTAMP '2024-02-28 23:00:00.5' + INTERVAL (n * 1300001) MICROSECOND, n, n % 10 FROM n;
-- @alter
ALTER TABLE t MODIFY k DATETIME NOT NULL
-- @dml
UPDATE t SET v = v + 1 WHERE n % 40 = @round % 40;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (TIMESTAMP '2024-02-28 23:00:00.5' + INTERVAL (@n * 1300001) MICROSECOND, @n, @round);
SET @n = 1000 + @round;
UPDATE t SET k = TIMESTAMP '2024-02-28 23:00:00.5' + INTERVAL (@n * 1300001) MICROSECOND, n = @n WHERE n = 1 + @round * 11 % 200;
SET @n = 2000 + @round;
INSERT INTO t VALUES (TIMESTAMP '2024-02-28 23:00:00.5' + INTERVAL (@n * 1300001) MICROSECOND, @n, 1);
DELETE FROM t WHERE n = 2000 + @round - 5;

-- Primary key SMALLINT around zero.
-- @create
CREATE TABLE t (
  k SMALLINT NOT NULL PRIMARY KEY,
  n INT NOT NULL,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n - 150, n, n % 10 FROM n;
INSERT INTO t VALUES (-32768, -1, 0), (32767, -2, 0);
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE n % 40 = @round % 40;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (@n - 150, @n, @round);
SET @n = 1000 + @round;
UPDATE t SET k = @n - 150, n = @n WHERE n = 1 + @round * 11 % 200;
SET @n = 2000 + @round;
INSERT INTO t VALUES (@n - 150, @n, 1);
DELETE FROM t WHERE n = 2000 + @round - 5;

-- Composite primary key of INT and TIMESTAMP(3), under two time zones.
-- @time
-- @create
CREATE TABLE t (
  a INT NOT NULL,
  b TIMESTAMP(3) NOT NULL,
  c SMALLINT NOT NULL,
  n INT NOT NULL,
  v INT NOT NULL,
  PRIMARY KEY (a, b, c)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n % 5 - 2, FROM_UNIXTIME(1729990800 + n DIV 7 * 0.25), n % 7, n, 0 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE n % 25 = @round % 25;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (@n % 5 - 2, FROM_UNIXTIME(1729990800 + @n DIV 7 * 0.25), @n % 7, @n, @round);
SET @n = 1000 + @round;
UPDATE t SET a = @n % 5 - 2, b = FROM_UNIXTIME(1729990800 + @n DIV 7 * 0.25), c = @n % 7, n = @n WHERE n = 1 + @round * 11 % 200;
INSERT INTO t VALUES ((@n + 1000) % 5 - 2, FROM_UNIXTIME(1729990800 + (@n + 1000) DIV 7 * 0.25), (@n + 1000) % 7, @n + 1000, 1);
DELETE FROM t WHERE n = 2000 + @round - 4;

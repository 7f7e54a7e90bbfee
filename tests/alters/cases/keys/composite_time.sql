-- Composite primary key of DATE, TIME(2) and YEAR.
-- @create
CREATE TABLE t (
  a DATE NOT NULL,
  b TIME(2) NOT NULL,
  c YEAR NOT NULL,
  n INT NOT NULL,
  v INT NOT NULL,
  PRIMARY KEY (a, b, c)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT DATE '2024-02-27' + INTERVAL (n % 4) DAY, SEC_TO_TIME((n - 100) * 0.37), 1990 + n % 3, n, 0 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE n % 25 = @round % 25;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (DATE '2024-02-27' + INTERVAL (@n % 4) DAY, SEC_TO_TIME((@n - 100) * 0.37), 1990 + @n % 3, @n, @round);
SET @n = 1000 + @round;
UPDATE t SET a = DATE '2024-02-27' + INTERVAL (@n % 4) DAY, b = SEC_TO_TIME((@n - 100) * 0.37), c = 1990 + @n % 3, n = @n WHERE n = 1 + @round * 11 % 200;
INSERT INTO t VALUES (DATE '2024-02-27' + INTERVAL ((@n + 1000) % 4) DAY, SEC_TO_TIME(((@n + 1000) - 100) * 0.37), 1990 + (@n + 1000) % 3, @n + 1000, 1);
DELETE FROM t WHERE n = 2000 + @round - 4;

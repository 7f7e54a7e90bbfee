-- Primary key DATE with zero dates and dates without day, as older applications write them.
-- @create
SET SESSION sql_mode = 'ALLOW_INVALID_DATES';
CREATE TABLE t (
  k DATE NOT NULL PRIMARY KEY,
  n INT NOT NULL,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT DATE '1999-12-01' + INTERVAL (n) DAY, n, n % 10 FROM n;
INSERT INTO t VALUES ('0000-00-00', -1, 0), ('2024-00-00', -2, 0), ('2024-02-00', -3, 0), ('2023-02-30', -4, 0);
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE n % 40 = @round % 40;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (DATE '1999-12-01' + INTERVAL (@n) DAY, @n, @round);
SET @n = 1000 + @round;
UPDATE t SET k = DATE '1999-12-01' + INTERVAL (@n) DAY, n = @n WHERE n = 1 + @round * 11 % 200;
SET @n = 2000 + @round;
INSERT INTO t VALUES (DATE '1999-12-01' + INTERVAL (@n) DAY, @n, 1);
DELETE FROM t WHERE n = 2000 + @round - 5;
UPDATE t SET v = v + 1 WHERE n < 0;

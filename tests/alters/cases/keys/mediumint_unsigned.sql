-- Only key is a unique key on MEDIUMINT UNSIGNED; there is no primary key.
-- @peers gh-ost, Vitess: a unique key without nullable columns will do; Spirit: needs a primary key
-- @create
CREATE TABLE t (
  k MEDIUMINT UNSIGNED NOT NULL,
  n INT NOT NULL,
  v INT NOT NULL,
  UNIQUE KEY only_key (k)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT 16777215 - n * 7, n, n % 10 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE n % 40 = @round % 40;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (16777215 - @n * 7, @n, @round);
SET @n = 1000 + @round;
UPDATE t SET k = 16777215 - @n * 7, n = @n WHERE n = 1 + @round * 11 % 200;
SET @n = 2000 + @round;
INSERT INTO t VALUES (16777215 - @n * 7, @n, 1);
DELETE FROM t WHERE n = 2000 + @round - 5;

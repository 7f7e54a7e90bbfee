-- Only key is a unique key on BIT(17), a width that is no whole number of bytes.
-- @peers gh-ost, Vitess: a unique key without nullable columns will do; Spirit: needs a primary key
-- @create
CREATE TABLE t (
  k BIT(17) NOT NULL,
  n INT NOT NULL,
  v INT NOT NULL,
  UNIQUE KEY only_key (k)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT 131071 - n * 5, n, n % 10 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE n % 40 = @round % 40;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (131071 - @n * 5, @n, @round);
SET @n = 1000 + @round;
UPDATE t SET k = 131071 - @n * 5, n = @n WHERE n = 1 + @round * 11 % 200;
SET @n = 2000 + @round;
INSERT INTO t VALUES (131071 - @n * 5, @n, 1);
DELETE FROM t WHERE n = 2000 + @round - 5;

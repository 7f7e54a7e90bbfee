-- The signed primary key becomes unsigned.
-- @peers gh-ost: a key may change its type, if not its values; Vitess: an example of its documentation
-- @create
CREATE TABLE t (
  k INT NOT NULL PRIMARY KEY,
  n INT NOT NULL,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n * 3, n, n % 10 FROM n;
-- @alter
ALTER TABLE t MODIFY k BIGINT UNSIGNED NOT NULL
-- @dml
UPDATE t SET v = v + 1 WHERE n % 40 = @round % 40;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (@n * 3, @n, @round);
SET @n = 1000 + @round;
UPDATE t SET k = @n * 3, n = @n WHERE n = 1 + @round * 11 % 200;
SET @n = 2000 + @round;
INSERT INTO t VALUES (@n * 3, @n, 1);
DELETE FROM t WHERE n = 2000 + @round - 5;

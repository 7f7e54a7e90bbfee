-- Primary key FLOAT: values that differ in the last bit only, 1e38 and 1e-38.
-- @peers Vitess: FLOAT in the primary key is discouraged, for it can break VReplication
-- @create
CREATE TABLE t (
  k FLOAT NOT NULL PRIMARY KEY,
  n INT NOT NULL,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT 16777216 + n * 2e0, n, n % 10 FROM n;
INSERT INTO t VALUES (1e38, -1, 0), (-1e38, -2, 0), (1.2e-38, -3, 0), (0.1, -4, 0), (0.10000001, -5, 0);
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE n % 40 = @round % 40;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (16777216 + @n * 2e0, @n, @round);
SET @n = 1000 + @round;
UPDATE t SET k = 16777216 + @n * 2e0, n = @n WHERE n = 1 + @round * 11 % 200;
SET @n = 2000 + @round;
INSERT INTO t VALUES (16777216 + @n * 2e0, @n, 1);
DELETE FROM t WHERE n = 2000 + @round - 5;
UPDATE t SET v = v + 1 WHERE n < 0;

-- Primary key TINYINT where every value of the type but two is taken.
-- @create
CREATE TABLE t (
  k TINYINT NOT NULL PRIMARY KEY,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 254)
  SELECT n - 128, n FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE v % 25 = @round % 25;
SET @k = @round * 7 % 254 - 128 + 1;
DELETE FROM t WHERE k = @k;
INSERT INTO t VALUES (@k, @round);
SET @gone = @round * 11 % 254 - 128 + 1;
DELETE FROM t WHERE k = @gone;
UPDATE t SET k = @gone, v = v + 100 WHERE k = @gone + 1 OR k = @gone - 1 ORDER BY k LIMIT 1;
INSERT INTO t VALUES (@gone, @round) ON DUPLICATE KEY UPDATE v = v + 2;

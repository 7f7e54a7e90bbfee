-- Primary key DOUBLE with a row whose key is -0, and which becomes 0 and -0 again.
-- @create
CREATE TABLE t (
  k DOUBLE NOT NULL PRIMARY KEY,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT (n - 60) / 4e0, n FROM n WHERE n <> 60;
INSERT INTO t VALUES (-0e0, 60);
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET k = IF(@round % 2, 0e0, -0e0), v = v + 1 WHERE k = 0;
UPDATE t SET v = v + 1 WHERE k = (@round * 7 % 120 - 60) / 4e0;
DELETE FROM t WHERE k = 0 AND @round % 3 = 0;
INSERT INTO t VALUES (-0e0, @round) ON DUPLICATE KEY UPDATE v = v + 1;
INSERT INTO t VALUES (1e10 + @round, @round);
UPDATE t SET k = -k WHERE k = 1e10 + @round - 1;

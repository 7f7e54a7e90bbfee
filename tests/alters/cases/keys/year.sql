-- Primary key YEAR with every value from 1901 to 2155 that is even, and 0000.
-- @create
CREATE TABLE t (
  k YEAR NOT NULL PRIMARY KEY,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 127)
  SELECT 1900 + 2 * n, n FROM n;
INSERT INTO t VALUES (0, 0);
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
SET @y = 1901 + @round * 7 % 254;
INSERT INTO t VALUES (@y, @round) ON DUPLICATE KEY UPDATE v = v + 1;
DELETE FROM t WHERE k = 1901 + @round * 11 % 254;
UPDATE t SET k = 1901 + @round * 11 % 254 WHERE k = 1901 + (@round * 11 + 1) % 254;
UPDATE t SET v = v + 1 WHERE k = 0 OR k % 50 = @round % 50;

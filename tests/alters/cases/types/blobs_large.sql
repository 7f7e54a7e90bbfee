-- A few LONGBLOB and LONGTEXT values of up to 8 MiB besides many small ones.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  b LONGBLOB,
  c LONGTEXT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, REPEAT(CHAR(n), n), REPEAT('ä', n) FROM n;
UPDATE t SET b = REPEAT(X'00FF', 4194304) WHERE id IN (20, 100);
UPDATE t SET c = REPEAT('langer Text ', 400000) WHERE id IN (21, 60);
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET b = REPEAT(CHAR(@round), 3000), c = NULL WHERE id % 30 = @round % 30 AND id NOT IN (20, 21, 60, 100);
DELETE FROM t WHERE id = 22 + @round * 7 % 38;
INSERT INTO t VALUES (22 + @round * 7 % 38, REPEAT('x', 70000), @round);
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 19;
-- @dml copying
UPDATE t SET b = REPEAT(X'FF00', 4194304) WHERE id = 20;
UPDATE t SET c = REPEAT('langer Text ', 500000) WHERE id = 60;
-- @dml following
UPDATE t SET b = REPEAT(X'0102', 4000000) WHERE id = 100;

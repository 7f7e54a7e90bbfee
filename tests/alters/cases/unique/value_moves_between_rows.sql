-- A value of a unique key moves on from row to row through the whole table.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a VARCHAR(30) UNIQUE,
  b INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, CONCAT('a', n), n FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT
-- @dml
START TRANSACTION;
DELETE FROM t WHERE a = 'baton';
INSERT INTO t VALUES (1 + @round * 73 % 200, 'baton', 0) ON DUPLICATE KEY UPDATE a = 'baton';
COMMIT;
UPDATE t SET b = b + 1 WHERE id % 40 = @round % 40;

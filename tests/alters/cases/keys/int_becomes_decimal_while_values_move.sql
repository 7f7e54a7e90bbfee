-- An integer primary key gets decimals, while a value of a unique key moves on from row to row.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a VARCHAR(30) UNIQUE,
  b INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT 0 + n, CONCAT('a', n), n FROM n;
-- @alter
ALTER TABLE t MODIFY id DECIMAL(12,2) NOT NULL
-- @dml
START TRANSACTION;
DELETE FROM t WHERE a = 'baton';
INSERT INTO t VALUES (0 + 1 + @round * 73 % 200, 'baton', 0) ON DUPLICATE KEY UPDATE a = 'baton';
COMMIT;
UPDATE t SET b = b + 1 WHERE id % 40 = @round % 40;

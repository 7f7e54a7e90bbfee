-- A primary key above the signed integers becomes DECIMAL, while a value of a unique key moves on from row to row.
-- @create
CREATE TABLE t (
  id BIGINT UNSIGNED PRIMARY KEY,
  a VARCHAR(30) UNIQUE,
  b INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT 18446744073709551000 + n, CONCAT('a', n), n FROM n;
-- @alter
ALTER TABLE t MODIFY id DECIMAL(24,4) NOT NULL
-- @dml
START TRANSACTION;
DELETE FROM t WHERE a = 'baton';
INSERT INTO t VALUES (18446744073709551000 + 1 + @round * 73 % 200, 'baton', 0) ON DUPLICATE KEY UPDATE a = 'baton';
COMMIT;
UPDATE t SET b = b + 1 WHERE id % 40 = @round % 40;

-- A primary key with more digits than a FLOAT shows becomes one, while a value of a unique key moves on from row to row.
-- @create
CREATE TABLE t (
  id MEDIUMINT PRIMARY KEY,
  a VARCHAR(30) UNIQUE,
  b INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT 8388000 + n, CONCAT('a', n), n FROM n;
-- @alter
ALTER TABLE t MODIFY id FLOAT NOT NULL
-- @dml
START TRANSACTION;
DELETE FROM t WHERE a = 'baton';
INSERT INTO t VALUES (8388000 + 1 + @round * 73 % 200, 'baton', 0) ON DUPLICATE KEY UPDATE a = 'baton';
COMMIT;
UPDATE t SET b = b + 1 WHERE id % 40 = @round % 40;

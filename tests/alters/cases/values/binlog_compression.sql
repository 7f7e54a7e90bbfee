-- The server compresses transactions in the binlog.
-- @global binlog_transaction_compression = ON
-- @create
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100));
INSERT INTO t WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150) SELECT n, REPEAT('x', 50) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN x INT
-- @dml
UPDATE t SET v = CONCAT('y', @round) WHERE id = 1 + @round % 150;

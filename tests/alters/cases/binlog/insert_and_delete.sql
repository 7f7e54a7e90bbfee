-- Rows that live only within one transaction, and rows that live only from one transaction to the next.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT NOT NULL,
  note VARCHAR(100)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, CONCAT('note ', n) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7, MODIFY v BIGINT NOT NULL
-- @dml
START TRANSACTION;
INSERT INTO t VALUES (1000 + @round, 1, 'short'), (-@round, 1, 'short');
UPDATE t SET v = 2 WHERE id = 1000 + @round;
DELETE FROM t WHERE id IN (1000 + @round, -@round);
COMMIT;
INSERT INTO t VALUES (2000 + @round, 1, 'short');
DELETE FROM t WHERE id = 2000 + @round;
UPDATE t SET v = v + 1 WHERE id % 25 = @round % 25;

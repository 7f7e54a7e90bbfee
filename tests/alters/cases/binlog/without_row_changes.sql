-- Updates that change nothing, deletes that find nothing, and empty transactions among real changes.
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
UPDATE t SET v = v WHERE id < 50;
DELETE FROM t WHERE id > 1000000;
START TRANSACTION;
COMMIT;
START TRANSACTION;
SELECT COUNT(*) FROM t FOR UPDATE;
ROLLBACK;
UPDATE t SET v = v + 1 WHERE id % 25 = @round % 25;

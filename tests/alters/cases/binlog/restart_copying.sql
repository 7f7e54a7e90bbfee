-- The process is killed while rows are copied, and resumed.
-- @restart copying
-- @peers gh-ost: --resume after --checkpoint; pt-online-schema-change: --resume after --history; Spirit: resumes by itself with the same statement; Vitess: resumes by itself after a failover
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
UPDATE t SET v = v + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t VALUES (1 + @round * 7 % 200, @round, 'again');
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 200;
INSERT INTO t VALUES (2000 + @round, @round, REPEAT('x', 100));
DELETE FROM t WHERE id = 2000 + @round - 3;
COMMIT;

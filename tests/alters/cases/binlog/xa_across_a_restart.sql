-- XA: transactions are prepared while rows are copied, the process is killed and resumed, then one is committed and one rolled back.
-- @restart copying
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT NOT NULL,
  note VARCHAR(100)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, CONCAT('note ', n) FROM n;
INSERT INTO t VALUES (20000, 1, 'for XA'), (20001, 1, 'for XA');
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7, MODIFY v BIGINT NOT NULL
-- @dml
UPDATE t SET v = v + 1 WHERE id IN (1 + @round * 3 % 200, 1 + @round * 17 % 200);
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t VALUES (1 + @round * 7 % 200, @round, 'again');
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 200;
INSERT INTO t VALUES (2000 + @round, @round, NULL);
-- @dml copying
XA START 'outlast_restart_commits';
INSERT INTO t VALUES (5000, 1, 'prepared');
UPDATE t SET v = -1 WHERE id = 20000;
INSERT INTO t VALUES (-7, 1, 'prepared');
XA END 'outlast_restart_commits';
XA PREPARE 'outlast_restart_commits';
XA START 'outlast_restart_rolls_back';
INSERT INTO t VALUES (5001, 1, 'prepared'), (-8, 1, 'prepared');
UPDATE t SET note = 'prepared' WHERE id = 20001;
XA END 'outlast_restart_rolls_back';
XA PREPARE 'outlast_restart_rolls_back';
-- @dml following
XA COMMIT 'outlast_restart_commits';
XA ROLLBACK 'outlast_restart_rolls_back';
INSERT INTO t VALUES (5001, 2, 'after the rollback');

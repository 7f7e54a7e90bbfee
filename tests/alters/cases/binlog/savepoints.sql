-- Parts of a transaction are rolled back to savepoints.
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
SAVEPOINT one;
DELETE FROM t WHERE id % 10 = 3;
SAVEPOINT `two; COMMIT`;
INSERT INTO t VALUES (5000 + @round, 1, 'kept?');
ROLLBACK TO `two; COMMIT`;
INSERT INTO t VALUES (6000 + @round, 1, 'gone');
ROLLBACK TO SAVEPOINT one;
INSERT INTO t VALUES (7000 + @round, 1, 'kept');
SAVEPOINT one;
DELETE FROM t WHERE id = 7000 + @round - 2;
RELEASE SAVEPOINT one;
COMMIT;

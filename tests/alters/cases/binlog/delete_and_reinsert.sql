-- Keys are deleted and inserted again, in one transaction and in two, several times.
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
DELETE FROM t WHERE id % 20 = @round % 20;
INSERT INTO t SELECT 20 * n.n + @round % 20, @round, 'first' FROM (SELECT 1 AS n UNION SELECT 3 UNION SELECT 5 UNION SELECT 7) AS n;
DELETE FROM t WHERE id = 60 + @round % 20;
INSERT INTO t VALUES (60 + @round % 20, @round, 'second');
COMMIT;
DELETE FROM t WHERE id = 100 + @round % 20;
INSERT INTO t VALUES (100 + @round % 20, @round, 'third');

-- Statements fail in the middle, and their transactions go on and commit.
-- @errors 1062 1406
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
INSERT INTO t VALUES (1000 + @round, 1, 'never'), (100, 1, 'duplicate');
INSERT INTO t VALUES (2000 + @round, 1, 'kept');
UPDATE t SET note = REPEAT('x', 101) WHERE id = 100;
COMMIT;

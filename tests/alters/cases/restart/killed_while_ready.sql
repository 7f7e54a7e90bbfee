-- The program is killed while the migration is ready, and another one goes on.
-- @restart ready
-- @create
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20));
INSERT INTO t WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200) SELECT n, CONCAT('v', n) FROM n;
-- @alter
ALTER TABLE t MODIFY v VARCHAR(30) NOT NULL, ADD COLUMN x INT
-- @dml
UPDATE t SET v = CONCAT('u', @round) WHERE id = 1 + @round % 200;
INSERT INTO t VALUES (1000 + @round, 'new');
DELETE FROM t WHERE id = 1000 + @round - 3;

-- A transaction writes the migrated table between writes of other tables, one of the same name in capitals.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT NOT NULL,
  note VARCHAR(100)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, CONCAT('note ', n) FROM n;
CREATE TABLE other (id INT PRIMARY KEY, v INT);
CREATE TABLE t_ (id INT PRIMARY KEY, v INT);
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7, MODIFY v BIGINT NOT NULL
-- @dml
START TRANSACTION;
INSERT INTO other VALUES (@round, 1);
UPDATE t SET v = v + 1 WHERE id % 25 = @round % 25;
INSERT INTO t_ VALUES (@round, 1);
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
UPDATE other SET v = 2;
INSERT INTO t VALUES (1 + @round * 7 % 200, @round, 'again');
COMMIT;

-- A unique key is added; each transaction inserts a second row with a value and deletes the first.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a VARCHAR(30),
  b INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, CONCAT('a', n), n FROM n;
-- @alter
ALTER TABLE t ADD UNIQUE KEY u (a)
-- @dml
SET @id = 1 + @round * 7 % 200;
SET @a = (SELECT a FROM t WHERE id = @id);
START TRANSACTION;
INSERT INTO t VALUES (100000 + @round, @a, 0);
DELETE FROM t WHERE id = @id;
COMMIT;
START TRANSACTION;
INSERT INTO t VALUES (@id, @a, @round);
DELETE FROM t WHERE id = 100000 + @round;
COMMIT;
START TRANSACTION;
INSERT INTO t VALUES (200000 + @round, CONCAT('pair', @round), 0), (300000 + @round, CONCAT('pair', @round), 0);
DELETE FROM t WHERE id = 200000 + @round;
COMMIT;

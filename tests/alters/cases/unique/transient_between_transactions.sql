-- A unique key is added; values occur twice for a moment between two transactions.
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
SET @a = CONCAT('a', 1 + @round * 7 % 200);
INSERT INTO t VALUES (1000 + @round, @a, 0);
DELETE FROM t WHERE a = @a COLLATE utf8mb4_0900_ai_ci AND id <> 1000 + @round;
UPDATE t SET b = b + 1 WHERE id = 1 + @round * 11 % 200;

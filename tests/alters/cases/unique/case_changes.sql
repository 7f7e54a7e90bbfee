-- A unique key is added on case-insensitive text; rows exchange other spellings of one value.
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
SET @n = 1 + @round * 7 % 200;
START TRANSACTION;
DELETE FROM t WHERE a = CONCAT('a', @n) COLLATE utf8mb4_0900_ai_ci;
INSERT INTO t VALUES (1000 + @round, CONCAT('Á', @n), @round);
COMMIT;
UPDATE t SET a = UPPER(a) WHERE id % 40 = @round % 40;

-- A unique key is added on an expression; values of it move between rows.
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
ALTER TABLE t ADD UNIQUE KEY u ((id + b))
-- @dml
START TRANSACTION;
UPDATE t SET b = b + 1000000 WHERE id IN (1 + @round * 7 % 100, 101 + @round * 7 % 100);
UPDATE t SET b = b - 1000000 WHERE b > 900000;
COMMIT;
SET @x = 1 + @round * 11 % 100;
SET @bx = (SELECT b FROM t WHERE id = @x);
SET @by = (SELECT b FROM t WHERE id = @x + 100);
START TRANSACTION;
UPDATE t SET b = -500000 WHERE id = @x;
UPDATE t SET b = @bx - 100 WHERE id = @x + 100;
UPDATE t SET b = @by + 100 WHERE id = @x;
COMMIT;

-- Five rows spread over the table pass on their values of a unique key in a ring.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a VARCHAR(30) UNIQUE,
  b INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, CONCAT('a', n), n FROM n;
-- @alter
ALTER TABLE t MODIFY b BIGINT
-- @dml
SET @x = 1 + @round * 7 % 40;
SET @a1 = (SELECT a FROM t WHERE id = @x);
SET @a2 = (SELECT a FROM t WHERE id = @x + 40);
SET @a3 = (SELECT a FROM t WHERE id = @x + 80);
SET @a4 = (SELECT a FROM t WHERE id = @x + 120);
SET @a5 = (SELECT a FROM t WHERE id = @x + 160);
START TRANSACTION;
UPDATE t SET a = NULL WHERE id IN (@x, @x + 40, @x + 80, @x + 120, @x + 160);
UPDATE t SET a = @a5 WHERE id = @x;
UPDATE t SET a = @a1 WHERE id = @x + 40;
UPDATE t SET a = @a2 WHERE id = @x + 80;
UPDATE t SET a = @a3 WHERE id = @x + 120;
UPDATE t SET a = @a4, b = b + 1 WHERE id = @x + 160;
COMMIT;

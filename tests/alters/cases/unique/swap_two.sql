-- Two rows swap their values of an existing unique key in one transaction.
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
ALTER TABLE t ADD COLUMN extra INT
-- @dml
SET @x = 1 + @round * 7 % 200;
SET @y = 201 - @x;
SET @ax = (SELECT a FROM t WHERE id = @x);
SET @ay = (SELECT a FROM t WHERE id = @y);
START TRANSACTION;
UPDATE t SET a = NULL WHERE id = @x;
UPDATE t SET a = @ax WHERE id = @y;
UPDATE t SET a = @ay WHERE id = @x;
COMMIT;
UPDATE t SET b = b + 1 WHERE id = @y;

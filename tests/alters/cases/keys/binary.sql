-- Primary key BINARY(8), padded with zero bytes.
-- @create
CREATE TABLE t (
  k BINARY(8) NOT NULL PRIMARY KEY,
  n INT NOT NULL,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT CONCAT(CHAR(n % 7), CHAR(n % 256, n DIV 256)), n, n % 10 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE n % 40 = @round % 40;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (CONCAT(CHAR(@n % 7), CHAR(@n % 256, @n DIV 256)), @n, @round);
SET @n = 1000 + @round;
UPDATE t SET k = CONCAT(CHAR(@n % 7), CHAR(@n % 256, @n DIV 256)), n = @n WHERE n = 1 + @round * 11 % 200;
SET @n = 2000 + @round;
INSERT INTO t VALUES (CONCAT(CHAR(@n % 7), CHAR(@n % 256, @n DIV 256)), @n, 1);
DELETE FROM t WHERE n = 2000 + @round - 5;

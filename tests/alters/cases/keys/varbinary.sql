-- Primary key VARBINARY where keys differ in trailing zero bytes only.
-- @create
CREATE TABLE t (
  k VARBINARY(40) NOT NULL PRIMARY KEY,
  n INT NOT NULL,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT CONCAT(CHAR(n DIV 768, n DIV 3 % 256), REPEAT(CHAR(0), n % 3)), n, n % 10 FROM n;
INSERT INTO t VALUES ('', -1, 0), (CHAR(0), -2, 0), (X'FFFFFFFF', -4, 0), (X'FFFFFFFF00', -5, 0);
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE n % 40 = @round % 40;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (CONCAT(CHAR(@n DIV 768, @n DIV 3 % 256), REPEAT(CHAR(0), @n % 3)), @n, @round);
SET @n = 1000 + @round;
UPDATE t SET k = CONCAT(CHAR(@n DIV 768, @n DIV 3 % 256), REPEAT(CHAR(0), @n % 3)), n = @n WHERE n = 1 + @round * 11 % 200;
SET @n = 2000 + @round;
INSERT INTO t VALUES (CONCAT(CHAR(@n DIV 768, @n DIV 3 % 256), REPEAT(CHAR(0), @n % 3)), @n, 1);
DELETE FROM t WHERE n = 2000 + @round - 5;
UPDATE t SET v = v + 1 WHERE n < 0;

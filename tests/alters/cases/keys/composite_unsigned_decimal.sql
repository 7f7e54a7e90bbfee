-- Only key is a unique key of BIGINT UNSIGNED, DECIMAL and BINARY, and the columns stand in another order than in the key.
-- @create
CREATE TABLE t (
  a BIGINT UNSIGNED NOT NULL,
  b DECIMAL(10,4) NOT NULL,
  c BINARY(4) NOT NULL,
  n INT NOT NULL,
  v INT NOT NULL,
  UNIQUE KEY whole (c, a, b)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT 18446744073709551615 - n % 4, (n - 100) / 16, CHAR(n % 3), n, 0 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE n % 25 = @round % 25;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (18446744073709551615 - @n % 4, (@n - 100) / 16, CHAR(@n % 3), @n, @round);
SET @n = 1000 + @round;
UPDATE t SET a = 18446744073709551615 - @n % 4, b = (@n - 100) / 16, c = CHAR(@n % 3), n = @n WHERE n = 1 + @round * 11 % 200;
INSERT INTO t VALUES (18446744073709551615 - (@n + 1000) % 4, ((@n + 1000) - 100) / 16, CHAR((@n + 1000) % 3), @n + 1000, 1);
DELETE FROM t WHERE n = 2000 + @round - 4;

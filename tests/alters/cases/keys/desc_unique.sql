-- Only key is a descending unique key, partly on text.
-- @create
CREATE TABLE t (
  a VARCHAR(10) NOT NULL,
  b INT NOT NULL,
  c BIT(6) NOT NULL,
  n INT NOT NULL,
  v INT NOT NULL,
  UNIQUE KEY whole (a DESC, b, c DESC)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT ELT(1 + n % 3, 'a', 'B', 'c'), n, n % 64, n, 0 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE n % 25 = @round % 25;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (ELT(1 + @n % 3, 'a', 'B', 'c'), @n, @n % 64, @n, @round);
SET @n = 1000 + @round;
UPDATE t SET a = ELT(1 + @n % 3, 'a', 'B', 'c'), b = @n, c = @n % 64, n = @n WHERE n = 1 + @round * 11 % 200;
INSERT INTO t VALUES (ELT(1 + (@n + 1000) % 3, 'a', 'B', 'c'), (@n + 1000), (@n + 1000) % 64, @n + 1000, 1);
DELETE FROM t WHERE n = 2000 + @round - 4;

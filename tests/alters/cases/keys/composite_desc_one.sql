-- Composite primary key with one descending part in the middle.
-- @create
CREATE TABLE t (
  a INT NOT NULL,
  b INT NOT NULL,
  c INT NOT NULL,
  n INT NOT NULL,
  v INT NOT NULL,
  PRIMARY KEY (a, b DESC, c)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n % 5 - 2, n % 7, n, n, 0 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE n % 25 = @round % 25;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (@n % 5 - 2, @n % 7, @n, @n, @round);
SET @n = 1000 + @round;
UPDATE t SET a = @n % 5 - 2, b = @n % 7, c = @n, n = @n WHERE n = 1 + @round * 11 % 200;
INSERT INTO t VALUES ((@n + 1000) % 5 - 2, (@n + 1000) % 7, (@n + 1000), @n + 1000, 1);
DELETE FROM t WHERE n = 2000 + @round - 4;

-- Composite primary key of three columns of different types: TINYINT, VARCHAR and DATETIME(3).
-- @create
CREATE TABLE t (
  a TINYINT NOT NULL,
  b VARCHAR(20) NOT NULL,
  c DATETIME(3) NOT NULL,
  n INT NOT NULL,
  v INT NOT NULL,
  PRIMARY KEY (a, b, c)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n % 5 - 2, CONCAT('k', n % 9), TIMESTAMP '2024-01-01 00:00:00' + INTERVAL (n * 1000) MICROSECOND, n, 0 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE n % 25 = @round % 25;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (@n % 5 - 2, CONCAT('k', @n % 9), TIMESTAMP '2024-01-01 00:00:00' + INTERVAL (@n * 1000) MICROSECOND, @n, @round);
SET @n = 1000 + @round;
UPDATE t SET a = @n % 5 - 2, b = CONCAT('k', @n % 9), c = TIMESTAMP '2024-01-01 00:00:00' + INTERVAL (@n * 1000) MICROSECOND, n = @n WHERE n = 1 + @round * 11 % 200;
INSERT INTO t VALUES ((@n + 1000) % 5 - 2, CONCAT('k', (@n + 1000) % 9), TIMESTAMP '2024-01-01 00:00:00' + INTERVAL ((@n + 1000) * 1000) MICROSECOND, @n + 1000, 1);
DELETE FROM t WHERE n = 2000 + @round - 4;
UPDATE t SET b = IF(CAST(b AS BINARY) = CAST(UPPER(b) AS BINARY), LOWER(b), UPPER(b)) WHERE n % 30 = @round % 30;

-- Columns of seven unique keys change their types while every row takes over its neighbour's values, again and again.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  k INT NOT NULL,
  a DECIMAL(12,2) NOT NULL,
  b TIMESTAMP(3) NULL,
  c CHAR(12) CHARACTER SET latin1 NOT NULL,
  d BINARY(8) NOT NULL,
  e DOUBLE NOT NULL,
  f BIT(20) NOT NULL,
  g INT,
  h INT,
  UNIQUE (a), UNIQUE (b), UNIQUE (c), UNIQUE (d), UNIQUE (e DESC), UNIQUE (f), UNIQUE (g, h)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 400)
  SELECT n, n, n * 1.25, FROM_UNIXTIME(1700000000 + n), CONCAT('é', n), LPAD(HEX(n), 8, '0'), n / 7, n, IF(n % 5 = 0, NULL, n DIV 10), n % 10 FROM n;
-- @alter
ALTER TABLE t MODIFY a DECIMAL(14,3) NOT NULL, MODIFY c VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NOT NULL, MODIFY f INT NOT NULL, MODIFY id BIGINT, MODIFY h SMALLINT
-- @dml
UPDATE t SET k = k + 1, a = k * 1.25, b = FROM_UNIXTIME(1700000000 + k), c = CONCAT('é', k), d = LPAD(HEX(k), 8, '0'), e = k / 7, f = k,
  g = IF(k % 5 = 0, NULL, k DIV 10), h = k % 10 ORDER BY k DESC;
-- @dml following
UPDATE t SET k = k - 1, a = k * 1.25, b = FROM_UNIXTIME(1700000000 + k), c = CONCAT('é', k), d = LPAD(HEX(k), 8, '0'), e = k / 7, f = k,
  g = IF(k % 5 = 0, NULL, k DIV 10), h = k % 10 ORDER BY k;

-- Rows exchange their values of two unique keys at the same time, in opposite directions.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT NOT NULL UNIQUE,
  b INT NOT NULL UNIQUE
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n * 10, n * 10 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT
-- @dml
START TRANSACTION;
UPDATE t SET a = a + 10 ORDER BY a DESC;
UPDATE t SET b = b - 10 ORDER BY b;
COMMIT;
INSERT INTO t VALUES (1000 + @round, -@round * 10 - 1000000, 1000000 + @round * 10);
DELETE FROM t WHERE id = 1000 + @round - 4;

-- The values of a unique key are reversed: the first row gets the last row's value, and so on.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  b INT NOT NULL,
  UNIQUE KEY by_b (b)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT
-- @dml
START TRANSACTION;
UPDATE t SET b = -b;
UPDATE t SET b = b + 201;
COMMIT;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;

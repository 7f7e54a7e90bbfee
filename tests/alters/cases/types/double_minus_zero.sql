-- DOUBLE and FLOAT columns that are -0 in every other row.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a DOUBLE,
  b FLOAT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, IF(n % 2, -0e0, 0e0), IF(n % 2, 0e0, -0e0) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET a = -a, b = -b WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, IF(@round % 2, -0e0, 0e0), IF(@round % 2, 0e0, -0e0));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, IF((2000 + @round) % 2, -0e0, 0e0), IF((2000 + @round) % 2, 0e0, -0e0));
DELETE FROM t WHERE id = 2000 + @round - 3;

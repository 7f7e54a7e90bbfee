-- BINARY becomes VARBINARY and keeps its trailing zero bytes.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v BINARY(8)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, CHAR(n % 256) FROM n;
-- @alter
ALTER TABLE t MODIFY v VARBINARY(8)
-- @dml
UPDATE t SET v = X'FF' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, CHAR(@round % 256));
INSERT INTO t VALUES (2000 + @round, CHAR((2000 + @round) % 256));
DELETE FROM t WHERE id = 2000 + @round - 3;

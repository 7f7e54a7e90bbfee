-- BIT(9) becomes BIT(33).
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v BIT(9)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, n * 3 % 512 FROM n;
-- @alter
ALTER TABLE t MODIFY v BIT(33)
-- @dml
UPDATE t SET v = 511 WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, @round * 3 % 512);
INSERT INTO t VALUES (2000 + @round, (2000 + @round) * 3 % 512);
DELETE FROM t WHERE id = 2000 + @round - 3;

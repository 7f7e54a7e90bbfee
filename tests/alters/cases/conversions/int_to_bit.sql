-- INT UNSIGNED becomes BIT(32).
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT UNSIGNED
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, 4294967295 - n FROM n;
-- @alter
ALTER TABLE t MODIFY v BIT(32)
-- @dml
UPDATE t SET v = @round WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, 4294967295 - @round);
INSERT INTO t VALUES (2000 + @round, 4294967295 - (2000 + @round));
DELETE FROM t WHERE id = 2000 + @round - 3;

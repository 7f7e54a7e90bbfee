-- TIME values at -838:59:59 and 838:59:59.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a TIME,
  b TIME(6)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, IF(n % 2, '-838:59:59', '838:59:59'), IF(n % 3, '-838:59:58.999999', '838:59:58.999999') FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET a = '00:00:00', b = '-00:00:00.000001' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, IF(@round % 2, '-838:59:59', '838:59:59'), IF(@round % 3, '-838:59:58.999999', '838:59:58.999999'));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, IF((2000 + @round) % 2, '-838:59:59', '838:59:59'), IF((2000 + @round) % 3, '-838:59:58.999999', '838:59:58.999999'));
DELETE FROM t WHERE id = 2000 + @round - 3;

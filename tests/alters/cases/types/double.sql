-- DOUBLE values: -0, the smallest and the largest normal number, a denormal one, and fractions without an exact form.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a DOUBLE,
  b DOUBLE UNSIGNED,
  c DOUBLE(12,3)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, ELT(1 + n % 7, -0e0, 2.2250738585072014e-308, 1.7976931348623157e308, 4.9e-324, 0.1, -1e38, 1) + 0e0, n / 3e0, n / 7 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET a = -a, b = b + 0.1, c = -c WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, ELT(1 + @round % 7, -0e0, 2.2250738585072014e-308, 1.7976931348623157e308, 4.9e-324, 0.1, -1e38, 1) + 0e0, @round / 3e0, @round / 7);
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, ELT(1 + (2000 + @round) % 7, -0e0, 2.2250738585072014e-308, 1.7976931348623157e308, 4.9e-324, 0.1, -1e38, 1) + 0e0, (2000 + @round) / 3e0, (2000 + @round) / 7);
DELETE FROM t WHERE id = 2000 + @round - 3;

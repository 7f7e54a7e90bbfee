-- A table whose column has the zero date as default is changed under a strict sql_mode: MySQL refuses the default.
-- @expect refused Invalid default
-- @peers gh-ost: with --allow-zero-in-date; Vitess: refuses, unless --allow-zero-in-date
-- @create
SET SESSION sql_mode = '';
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT NOT NULL,
  b VARCHAR(40),
  c DATE NOT NULL,
  d DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00'
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n * 2, 'b', IF(n % 3, '0000-00-00', '2024-00-00'), IF(n % 2, '0000-00-00 00:00:00', '2024-01-01 00:00:00') FROM n;
-- @alter
ALTER TABLE t ADD COLUMN x INT
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t (id, a, b, c, d) VALUES (1 + @round * 7 % 200, 1, 'new', '2024-01-01', '2024-01-01 00:00:00');
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 200;
INSERT INTO t (id, a, b, c, d) VALUES (2000 + @round, 1, 'new', '2024-01-01', '2024-01-01 00:00:00');
DELETE FROM t WHERE id = 2000 + @round - 3;

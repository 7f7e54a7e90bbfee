-- LONGTEXT becomes TINYTEXT, and a value does not fit.
-- @expect fails Data too long for column 'v'
-- @peers gh-ost: MySQL may drop such rows silently; --panic-on-warnings stops; Spirit: lossy conversions are not supported
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v LONGTEXT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, REPEAT('x', n % 255) FROM n;
INSERT INTO t VALUES (900, REPEAT('ü', 128));
-- @alter
ALTER TABLE t MODIFY v TINYTEXT
-- @dml
UPDATE t SET v = 'y' WHERE id % 30 = @round % 30 AND id < 900;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, REPEAT('x', @round % 255));
INSERT INTO t VALUES (2000 + @round, REPEAT('x', (2000 + @round) % 255));
DELETE FROM t WHERE id = 2000 + @round - 3;

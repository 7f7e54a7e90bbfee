-- The AUTO_INCREMENT column is dropped, and the primary key becomes AUTO_INCREMENT: the counter begins anew, above the highest row.
-- @create
CREATE TABLE t (
  id INT AUTO_INCREMENT UNIQUE,
  k INT PRIMARY KEY,
  v INT
) AUTO_INCREMENT = 5000;
INSERT INTO t (k, v)
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, 0 FROM n;
-- @alter
ALTER TABLE t DROP COLUMN id, MODIFY k INT AUTO_INCREMENT
-- @dml
UPDATE t SET v = v + 1 WHERE k % 20 = @round % 20;
INSERT INTO t (k, v) VALUES (1000 + @round, 1);
DELETE FROM t WHERE k = 1000 + @round - 1;
-- @dml after
INSERT INTO t (v) VALUES (1);

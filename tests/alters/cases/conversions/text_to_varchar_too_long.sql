-- TEXT becomes VARCHAR(100), and a value has 101 characters.
-- @expect fails Data too long for column 'v'
-- @peers gh-ost: MySQL may drop such rows silently; --panic-on-warnings stops; Spirit: lossy conversions are not supported
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v TEXT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, REPEAT('ü', n % 100) FROM n;
INSERT INTO t VALUES (900, REPEAT('ü', 101));
-- @alter
ALTER TABLE t MODIFY v VARCHAR(100)
-- @dml
UPDATE t SET v = 'x' WHERE id % 30 = @round % 30 AND id < 900;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, REPEAT('ü', @round % 100));
INSERT INTO t VALUES (2000 + @round, REPEAT('ü', (2000 + @round) % 100));
DELETE FROM t WHERE id = 2000 + @round - 3;

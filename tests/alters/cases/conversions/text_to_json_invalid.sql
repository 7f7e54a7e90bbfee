-- TEXT becomes JSON, and one value is no document.
-- @expect fails Invalid JSON text
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v TEXT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, CONCAT('[', n, ']') FROM n;
INSERT INTO t VALUES (900, '{not json}');
-- @alter
ALTER TABLE t MODIFY v JSON
-- @dml
UPDATE t SET v = '{}' WHERE id % 30 = @round % 30 AND id < 900;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, CONCAT('[', @round, ']'));
INSERT INTO t VALUES (2000 + @round, CONCAT('[', (2000 + @round), ']'));
DELETE FROM t WHERE id = 2000 + @round - 3;

-- GEOMETRY becomes POINT, and one value is a line.
-- @expect fails Cannot get geometry object
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  g GEOMETRY NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, ST_GeomFromText(CONCAT('POINT(', n, ' 1)')) FROM n;
INSERT INTO t VALUES (900, ST_GeomFromText('LINESTRING(0 0, 1 1)'));
-- @alter
ALTER TABLE t MODIFY g POINT NOT NULL
-- @dml
UPDATE t SET g = ST_GeomFromText('POINT(7 7)') WHERE id % 30 = @round % 30 AND id < 900;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, ST_GeomFromText(CONCAT('POINT(', @round, ' 1)')));
INSERT INTO t VALUES (2000 + @round, ST_GeomFromText(CONCAT('POINT(', (2000 + @round), ' 1)')));
DELETE FROM t WHERE id = 2000 + @round - 3;

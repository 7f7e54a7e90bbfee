-- Geometries with SRID 0, in a plane, and collections of them.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  p POINT NOT NULL SRID 0,
  m MULTIPOINT NOT NULL SRID 0,
  g GEOMETRYCOLLECTION NOT NULL SRID 0
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, ST_GeomFromText(CONCAT('POINT(', n, '.25 -1e10)'), 0), ST_GeomFromText(CONCAT('MULTIPOINT(0 0, ', n, ' 1)'), 0), ST_GeomFromText(CONCAT('GEOMETRYCOLLECTION(POINT(', n, ' 2), LINESTRING(0 0, 1 1))'), 0) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET p = ST_GeomFromText(CONCAT('POINT(', (@round % 80), '.25 -1e10)'), 0) WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, ST_GeomFromText(CONCAT('POINT(', @round, '.25 -1e10)'), 0), ST_GeomFromText(CONCAT('MULTIPOINT(0 0, ', @round, ' 1)'), 0), ST_GeomFromText(CONCAT('GEOMETRYCOLLECTION(POINT(', @round, ' 2), LINESTRING(0 0, 1 1))'), 0));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, ST_GeomFromText(CONCAT('POINT(', (2000 + @round), '.25 -1e10)'), 0), ST_GeomFromText(CONCAT('MULTIPOINT(0 0, ', (2000 + @round), ' 1)'), 0), ST_GeomFromText(CONCAT('GEOMETRYCOLLECTION(POINT(', (2000 + @round), ' 2), LINESTRING(0 0, 1 1))'), 0));
DELETE FROM t WHERE id = 2000 + @round - 3;

-- Geometries with SRID 4326: points, lines and polygons on the globe.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  p POINT NOT NULL SRID 4326,
  l LINESTRING NOT NULL SRID 4326,
  g POLYGON NOT NULL SRID 4326
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, ST_GeomFromText(CONCAT('POINT(', n % 90, ' ', -n % 180, ')'), 4326), ST_GeomFromText(CONCAT('LINESTRING(0 0, ', n % 90, '.5 ', n % 180, ')'), 4326), ST_GeomFromText(CONCAT('POLYGON((0 0, 0 ', 1 + n % 50, ', 10 10, 0 0))'), 4326) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET p = ST_GeomFromText(CONCAT('POINT(', (@round % 80) % 90, ' ', -(@round % 80) % 180, ')'), 4326) WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, ST_GeomFromText(CONCAT('POINT(', @round % 90, ' ', -@round % 180, ')'), 4326), ST_GeomFromText(CONCAT('LINESTRING(0 0, ', @round % 90, '.5 ', @round % 180, ')'), 4326), ST_GeomFromText(CONCAT('POLYGON((0 0, 0 ', 1 + @round % 50, ', 10 10, 0 0))'), 4326));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, ST_GeomFromText(CONCAT('POINT(', (2000 + @round) % 90, ' ', -(2000 + @round) % 180, ')'), 4326), ST_GeomFromText(CONCAT('LINESTRING(0 0, ', (2000 + @round) % 90, '.5 ', (2000 + @round) % 180, ')'), 4326), ST_GeomFromText(CONCAT('POLYGON((0 0, 0 ', 1 + (2000 + @round) % 50, ', 10 10, 0 0))'), 4326));
DELETE FROM t WHERE id = 2000 + @round - 3;

-- A GEOMETRY column without SRID, with values of several SRIDs and NULL.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  g GEOMETRY
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, IF(n % 3, ST_GeomFromText(CONCAT('POINT(', n % 80, ' 7)'), IF(n % 2, 4326, 0)), NULL) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET g = ST_GeomFromText('LINESTRING(0 0, 1 1, 2 0)') WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, IF(@round % 3, ST_GeomFromText(CONCAT('POINT(', @round % 80, ' 7)'), IF(@round % 2, 4326, 0)), NULL));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, IF((2000 + @round) % 3, ST_GeomFromText(CONCAT('POINT(', (2000 + @round) % 80, ' 7)'), IF((2000 + @round) % 2, 4326, 0)), NULL));
DELETE FROM t WHERE id = 2000 + @round - 3;

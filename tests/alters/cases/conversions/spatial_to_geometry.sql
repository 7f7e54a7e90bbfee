-- POINT becomes GEOMETRY, and GEOMETRY becomes BLOB.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  p POINT NOT NULL,
  g GEOMETRY
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, ST_GeomFromText(CONCAT('POINT(', n, ' 1)')), ST_GeomFromText(CONCAT('LINESTRING(0 0, ', n, ' 1)')) FROM n;
-- @alter
ALTER TABLE t MODIFY p GEOMETRY NOT NULL, MODIFY g LONGBLOB
-- @dml
UPDATE t SET p = ST_GeomFromText('POINT(7 7)') WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, ST_GeomFromText(CONCAT('POINT(', @round, ' 1)')), ST_GeomFromText(CONCAT('LINESTRING(0 0, ', @round, ' 1)')));
INSERT INTO t VALUES (2000 + @round, ST_GeomFromText(CONCAT('POINT(', (2000 + @round), ' 1)')), ST_GeomFromText(CONCAT('LINESTRING(0 0, ', (2000 + @round), ' 1)')));
DELETE FROM t WHERE id = 2000 + @round - 3;

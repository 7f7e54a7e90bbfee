-- A SPATIAL index is added.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT,
  p POINT NOT NULL SRID 4326
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, ST_GeomFromText(CONCAT('POINT(', n % 90, ' ', n % 180, ')'), 4326) FROM n;
-- @alter
ALTER TABLE t ADD SPATIAL INDEX place (p)
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t (id, a, p) VALUES (1 + @round * 7 % 200, 1, ST_GeomFromText('POINT(7 8)', 4326));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 200;
INSERT INTO t (id, a, p) VALUES (2000 + @round, 1, ST_GeomFromText('POINT(7 8)', 4326));
DELETE FROM t WHERE id = 2000 + @round - 3;

-- A column is added, and all indexes that can wait are built once the rows are copied; those before a SPATIAL one can't, nor unique ones.
-- @create
CREATE TABLE t (
  id INT NOT NULL AUTO_INCREMENT,
  a INT,
  b VARCHAR(40),
  c VARCHAR(200) COLLATE utf8mb4_0900_ai_ci,
  p POINT NOT NULL SRID 4326,
  v INT AS (a * 2) VIRTUAL,
  j JSON,
  PRIMARY KEY (id, a),
  KEY early (b),
  SPATIAL KEY place (p),
  UNIQUE KEY once (b, id),
  KEY twice (v, a DESC) COMMENT 'a, ''b'' (c)',
  KEY part (c(7)) INVISIBLE,
  KEY same (a),
  KEY same_again (a),
  FULLTEXT KEY words (c)
);
INSERT INTO t (id, a, b, c, p, j)
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n % 9, CONCAT('b', n), CONCAT('some words ', n), ST_GeomFromText('POINT(7 8)', 4326), '[1, 2]' FROM n;
-- @options --defer-indexes --chunk-rows 7 --chunk-pause 20ms
-- @alter
ALTER TABLE t ADD COLUMN x INT, ADD KEY late (x, b), RENAME INDEX same TO renamed, DROP KEY same_again
-- @dml
UPDATE t SET c = CONCAT('other ', @round) WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t (a, b, c, p) VALUES (1, CONCAT('new', @round), 'new', ST_GeomFromText('POINT(7 8)', 4326));

-- A table of nullable columns of many types, with rows that are NULL in all of them.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT,
  b DECIMAL(10,2),
  c DATETIME(6),
  d VARCHAR(20),
  e BLOB,
  f JSON,
  g ENUM('a'),
  h BIT(3),
  i YEAR,
  j POINT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM n;
-- @alter
ALTER TABLE t MODIFY a BIGINT, ADD COLUMN extra INT FIRST
-- @dml
UPDATE t SET a = @round, b = @round, c = '2024-01-01', d = 'x', e = X'00', f = '[]', g = 'a', h = 7, i = 2024, j = ST_GeomFromText('POINT(1 1)') WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
DELETE FROM t WHERE id = 2000 + @round - 3;

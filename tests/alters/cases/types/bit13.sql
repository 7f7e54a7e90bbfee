-- A BIT(13) column, whose width is no whole number of bytes.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  b BIT(13) NOT NULL,
  c BIT(13)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, 8191 - (n * 37) % 1001, NULLIF(n * 5 % 1001, 0) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET b = b ^ 8191, c = NULL WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, 8191 - (@round * 37) % 1001, NULLIF(@round * 5 % 1001, 0));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, 8191 - ((2000 + @round) * 37) % 1001, NULLIF((2000 + @round) * 5 % 1001, 0));
DELETE FROM t WHERE id = 2000 + @round - 3;

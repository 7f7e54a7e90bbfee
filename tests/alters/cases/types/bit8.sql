-- A BIT(8) column with all bit patterns.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  b BIT(8) NOT NULL,
  c BIT(8)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, 255 - (n * 37) % 256, NULLIF(n * 5 % 256, 0) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET b = b ^ 255, c = NULL WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, 255 - (@round * 37) % 256, NULLIF(@round * 5 % 256, 0));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, 255 - ((2000 + @round) * 37) % 256, NULLIF((2000 + @round) * 5 % 256, 0));
DELETE FROM t WHERE id = 2000 + @round - 3;

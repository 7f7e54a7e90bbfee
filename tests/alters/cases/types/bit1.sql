-- BIT(1) columns, one of them nullable.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  b BIT(1) NOT NULL,
  c BIT(1)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, 1 - (n * 37) % 2, NULLIF(n * 5 % 2, 0) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET b = b ^ 1, c = NULL WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, 1 - (@round * 37) % 2, NULLIF(@round * 5 % 2, 0));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, 1 - ((2000 + @round) * 37) % 2, NULLIF((2000 + @round) * 5 % 2, 0));
DELETE FROM t WHERE id = 2000 + @round - 3;

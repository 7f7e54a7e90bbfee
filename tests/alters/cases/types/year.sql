-- A YEAR column with 0000, 1901 and 2155.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  y YEAR
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, ELT(1 + n % 5, 0, 1901, 2155, 1999, NULL) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET y = 1901 + @round % 250 WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, ELT(1 + @round % 5, 0, 1901, 2155, 1999, NULL));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, ELT(1 + (2000 + @round) % 5, 0, 1901, 2155, 1999, NULL));
DELETE FROM t WHERE id = 2000 + @round - 3;

-- Columns with commas, backticks, spaces and keywords in their names are renamed.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT,
  `a, b` INT,
  `back``tick` INT,
  `select` INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, n + 1, n + 2, n + 3 FROM n;
-- @alter
ALTER TABLE t RENAME COLUMN `a, b` TO `rename column x to y`, CHANGE `back``tick` `ADD COLUMN` INT, RENAME COLUMN `select` TO `from ``t```
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t (id, a, `a, b`, `back``tick`, `select`) VALUES (1 + @round * 7 % 200, @round, 1, 2, 3);
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 200;
INSERT INTO t (id, a, `a, b`, `back``tick`, `select`) VALUES (2000 + @round, @round, 1, 2, 3);
DELETE FROM t WHERE id = 2000 + @round - 3;

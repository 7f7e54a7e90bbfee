-- Integer columns with ZEROFILL and a display width.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT(6) ZEROFILL,
  b SMALLINT(3) UNSIGNED ZEROFILL,
  c DECIMAL(8,2) ZEROFILL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, n * 99, n, n / 8 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET a = a + 1, b = b + 1, c = c + 0.25 WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, @round * 99, @round, @round / 8);
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, (2000 + @round) * 99, (2000 + @round), (2000 + @round) / 8);
DELETE FROM t WHERE id = 2000 + @round - 3;

-- NULL becomes NOT NULL; no row holds NULL.
-- @peers pt-online-schema-change: with --null-to-not-null
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT NULL,
  w VARCHAR(10)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, n, 'x' FROM n;
-- @alter
ALTER TABLE t MODIFY v INT NOT NULL, MODIFY w VARCHAR(10) NOT NULL
-- @dml
UPDATE t SET v = @round WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, @round, 'x');
INSERT INTO t VALUES (2000 + @round, (2000 + @round), 'x');
DELETE FROM t WHERE id = 2000 + @round - 3;

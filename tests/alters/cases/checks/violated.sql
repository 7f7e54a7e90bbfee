-- A CHECK constraint is added that one row violates.
-- @expect fails Check constraint 'small' is violated
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT NOT NULL,
  b VARCHAR(40),
  c DATE
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n * 2, CONCAT('b', n), DATE '2024-01-01' + INTERVAL n DAY FROM n;
-- @alter
ALTER TABLE t ADD CONSTRAINT small CHECK (a <> 150)
-- @dml
UPDATE t SET a = -a WHERE id % 25 = @round % 20 AND a <> 150;
DELETE FROM t WHERE id = 1 + @round * 7 % 60;
INSERT INTO t (id, a, b, c) VALUES (1 + @round * 7 % 60, @round, CONCAT('r', @round), NULL);
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 60;
INSERT INTO t (id, a, b, c) VALUES (2000 + @round, @round, CONCAT('r', @round), NULL);
DELETE FROM t WHERE id = 2000 + @round - 3;

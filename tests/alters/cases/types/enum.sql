-- ENUM columns with empty and quoted members, and NULL.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a ENUM('b', 'a', '', 'it''s', 'x y'),
  b ENUM('ä', 'ß', '日本') NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, IF(n % 6, 1 + n % 5, NULL), 1 + n % 3 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET a = 1 + @round % 5, b = 'ß' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, IF(@round % 6, 1 + @round % 5, NULL), 1 + @round % 3);
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, IF((2000 + @round) % 6, 1 + (2000 + @round) % 5, NULL), 1 + (2000 + @round) % 3);
DELETE FROM t WHERE id = 2000 + @round - 3;

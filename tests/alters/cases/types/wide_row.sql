-- Rows close to the greatest size that a row may have.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a VARCHAR(16000) CHARACTER SET latin1,
  b VARCHAR(16000) CHARACTER SET latin1,
  c VARCHAR(16000) CHARACTER SET latin1,
  d VARCHAR(17000) CHARACTER SET latin1
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100)
  SELECT n, REPEAT('a', n * 160), REPEAT('b', 16000 - n), NULL, REPEAT('d', 170 * n) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT
-- @dml
UPDATE t SET c = REPEAT('c', 80 * (1 + @round % 200)) WHERE id % 50 = @round % 50;
DELETE FROM t WHERE id = 1 + @round * 7 % 100;
INSERT INTO t VALUES (1 + @round * 7 % 100, 'a', REPEAT('b', 16000), NULL, REPEAT('d', 17000));

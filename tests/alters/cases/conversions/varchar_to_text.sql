-- VARCHAR becomes TEXT and LONGTEXT.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a VARCHAR(50),
  b VARCHAR(2000)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, CONCAT('ä', n), REPEAT('x', n * 10 % 2000) FROM n;
-- @alter
ALTER TABLE t MODIFY a TEXT, MODIFY b LONGTEXT
-- @dml
UPDATE t SET a = '', b = NULL WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, CONCAT('ä', @round), REPEAT('x', @round * 10 % 2000));
INSERT INTO t VALUES (2000 + @round, CONCAT('ä', (2000 + @round)), REPEAT('x', (2000 + @round) * 10 % 2000));
DELETE FROM t WHERE id = 2000 + @round - 3;

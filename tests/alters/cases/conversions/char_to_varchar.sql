-- CHAR becomes VARCHAR: trailing spaces are long gone.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a CHAR(30),
  b BINARY(8)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, CONCAT('x', n, REPEAT(' ', n % 5)), CONCAT(n, ' ') FROM n;
-- @alter
ALTER TABLE t MODIFY a VARCHAR(30), MODIFY b VARBINARY(8)
-- @dml
UPDATE t SET a = '   ', b = X'20' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, CONCAT('x', @round, REPEAT(' ', @round % 5)), CONCAT(@round, ' '));
INSERT INTO t VALUES (2000 + @round, CONCAT('x', (2000 + @round), REPEAT(' ', (2000 + @round) % 5)), CONCAT((2000 + @round), ' '));
DELETE FROM t WHERE id = 2000 + @round - 3;

-- SET becomes VARCHAR, and VARCHAR becomes SET.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v SET('a', 'b', 'c'),
  w VARCHAR(20)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, n % 8, ELT(1 + n % 3, 'y,x', '', 'x') FROM n;
-- @alter
ALTER TABLE t MODIFY v VARCHAR(20), MODIFY w SET('x', 'y')
-- @dml
UPDATE t SET v = 'c,a', w = 'y,y' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, @round % 8, ELT(1 + @round % 3, 'y,x', '', 'x'));
INSERT INTO t VALUES (2000 + @round, (2000 + @round) % 8, ELT(1 + (2000 + @round) % 3, 'y,x', '', 'x'));
DELETE FROM t WHERE id = 2000 + @round - 3;

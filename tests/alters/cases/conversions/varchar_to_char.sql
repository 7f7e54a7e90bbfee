-- VARCHAR becomes CHAR and loses trailing spaces.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v VARCHAR(30)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, CONCAT('x', n, REPEAT(' ', n % 5)) FROM n;
-- @alter
ALTER TABLE t MODIFY v CHAR(30)
-- @dml
UPDATE t SET v = '   ' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, CONCAT('x', @round, REPEAT(' ', @round % 5)));
INSERT INTO t VALUES (2000 + @round, CONCAT('x', (2000 + @round), REPEAT(' ', (2000 + @round) % 5)));
DELETE FROM t WHERE id = 2000 + @round - 3;

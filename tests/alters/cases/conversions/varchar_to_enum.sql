-- VARCHAR becomes ENUM; letter case and trailing spaces do not matter.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v VARCHAR(10)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, ELT(1 + n % 3, 'red', 'GREEN', 'blue ') FROM n;
-- @alter
ALTER TABLE t MODIFY v ENUM('red', 'green', 'blue')
-- @dml
UPDATE t SET v = 'Red' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, ELT(1 + @round % 3, 'red', 'GREEN', 'blue '));
INSERT INTO t VALUES (2000 + @round, ELT(1 + (2000 + @round) % 3, 'red', 'GREEN', 'blue '));
DELETE FROM t WHERE id = 2000 + @round - 3;

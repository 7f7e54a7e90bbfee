-- VARCHAR becomes INT, and one text is no number.
-- @expect fails Incorrect integer value
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v VARCHAR(20)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, n FROM n;
INSERT INTO t VALUES (900, 'apples');
-- @alter
ALTER TABLE t MODIFY v INT
-- @dml
UPDATE t SET v = @round WHERE id % 30 = @round % 30 AND id < 900;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, @round);
INSERT INTO t VALUES (2000 + @round, (2000 + @round));
DELETE FROM t WHERE id = 2000 + @round - 3;

-- INT becomes VARCHAR(2), too short for some values.
-- @expect fails v
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, n FROM n;
-- @alter
ALTER TABLE t MODIFY v VARCHAR(2)
-- @dml
UPDATE t SET v = v + 1 WHERE id % 30 = @round % 30 AND id < 900;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, @round);
INSERT INTO t VALUES (2000 + @round, (2000 + @round));
DELETE FROM t WHERE id = 2000 + @round - 3;

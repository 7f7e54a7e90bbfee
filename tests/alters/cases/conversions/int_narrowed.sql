-- BIGINT becomes SMALLINT; all values fit.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v BIGINT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, n * 10 - 32000 FROM n;
-- @alter
ALTER TABLE t MODIFY v SMALLINT
-- @dml
UPDATE t SET v = -32768 WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, @round * 10 - 32000);
INSERT INTO t VALUES (2000 + @round, (2000 + @round) * 10 - 32000);
DELETE FROM t WHERE id = 2000 + @round - 3;

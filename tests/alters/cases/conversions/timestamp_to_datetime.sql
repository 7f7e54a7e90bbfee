-- TIMESTAMP becomes DATETIME: the value is that of the server's time zone.
-- @time
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v TIMESTAMP(3) NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, FROM_UNIXTIME(1700000000 + n * 3600) FROM n;
-- @alter
ALTER TABLE t MODIFY v DATETIME(3)
-- @dml
UPDATE t SET v = FROM_UNIXTIME(@round) WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, FROM_UNIXTIME(1700000000 + @round * 3600));
INSERT INTO t VALUES (2000 + @round, FROM_UNIXTIME(1700000000 + (2000 + @round) * 3600));
DELETE FROM t WHERE id = 2000 + @round - 3;

-- A TIMESTAMP column whose table is copied for another reason: values stay the same moments under any time zone.
-- @time
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a TIMESTAMP(3) NOT NULL,
  b VARCHAR(20)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, FROM_UNIXTIME(1700000000 + n * 3600), n FROM n;
-- @alter
ALTER TABLE t MODIFY b VARCHAR(40) CHARACTER SET latin1, MODIFY a TIMESTAMP(6) NOT NULL
-- @dml
UPDATE t SET a = a + INTERVAL 1 SECOND WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, FROM_UNIXTIME(1700000000 + @round * 3600), @round);
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, FROM_UNIXTIME(1700000000 + (2000 + @round) * 3600), (2000 + @round));
DELETE FROM t WHERE id = 2000 + @round - 3;

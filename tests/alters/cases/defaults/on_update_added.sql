-- An existing TIMESTAMP column gets ON UPDATE CURRENT_TIMESTAMP, which must not fire while rows are copied.
-- @time
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT NOT NULL,
  changed TIMESTAMP NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, IF(n % 3, FROM_UNIXTIME(1000000000 + n), NULL) FROM n;
-- @alter
ALTER TABLE t MODIFY changed TIMESTAMP(6) NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;
UPDATE t SET changed = FROM_UNIXTIME(1200000000 + @round) WHERE id = 1 + @round * 7 % 200;
INSERT INTO t VALUES (1000 + @round, 1, NULL);
DELETE FROM t WHERE id = 1000 + @round - 3;

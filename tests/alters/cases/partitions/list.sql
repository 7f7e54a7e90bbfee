-- A table partitioned by LIST; rows move between partitions.
-- @create
CREATE TABLE t (
  id INT NOT NULL,
  a INT NOT NULL,
  kind INT NOT NULL,
  PRIMARY KEY (id, kind)
)
PARTITION BY LIST (kind) (
  PARTITION p0 VALUES IN (0, 3),
  PARTITION p1 VALUES IN (1, 2)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, n % 4 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN x INT
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t (id, a, kind) VALUES (1 + @round * 7 % 200, 1, @round % 4);
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 200;
INSERT INTO t (id, a, kind) VALUES (2000 + @round, 1, @round % 4);
DELETE FROM t WHERE id = 2000 + @round - 3;
UPDATE t SET kind = 3 - kind WHERE id = 1 + @round * 13 % 200;

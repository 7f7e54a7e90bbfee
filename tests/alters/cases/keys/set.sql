-- Composite primary key of SET and INT, ordered by the bits of the set.
-- @create
CREATE TABLE t (
  s SET('d', 'c', 'b', 'a') NOT NULL,
  n INT NOT NULL,
  v INT NOT NULL,
  PRIMARY KEY (s, n)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n % 16, n, 0 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE n % 20 = @round % 20;
UPDATE t SET s = 15 - s WHERE n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = 1 + @round * 11 % 200;
INSERT INTO t VALUES ('a,d', 1 + @round * 11 % 200, @round);
INSERT INTO t VALUES ('', 1000 + @round, 1), ('d,c,b,a', 1000 + @round, 2);

-- The members of the ENUM in the primary key stand in another order, and so do the keys.
-- @peers gh-ost: slow with an ENUM in the key; Spirit: members that stay can not be moved, nor others put before them
-- @create
CREATE TABLE t (
  e ENUM('z', 'a', 'm', 'b') NOT NULL,
  n INT NOT NULL,
  v INT NOT NULL,
  PRIMARY KEY (e, n)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT 1 + n % 4, n, 0 FROM n;
-- @alter
ALTER TABLE t MODIFY e ENUM('a', 'b', 'm', 'z') NOT NULL
-- @dml
UPDATE t SET v = v + 1 WHERE n % 20 = @round % 20;
UPDATE t SET e = 1 + (e + 1) % 4 WHERE n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = 1 + @round * 11 % 200;
INSERT INTO t VALUES (1 + @round % 4, 1 + @round * 11 % 200, @round);
INSERT INTO t VALUES (1, 1000 + @round, 1);
DELETE FROM t WHERE e = 1 AND n = 1000 + @round - 3;

-- Composite primary key of ENUM and INT; the members are not in alphabetical order, and one is empty.
-- @peers gh-ost: slow with an ENUM in the key
-- @create
CREATE TABLE t (
  e ENUM('zulu', 'yankee', 'alpha', 'Mike', '', 'o''clock', 'bravo') NOT NULL,
  n INT NOT NULL,
  v INT NOT NULL,
  PRIMARY KEY (e, n)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT 1 + n % 7, n, 0 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE n % 20 = @round % 20;
UPDATE t SET e = 1 + (e + 1) % 7 WHERE n = 1 + @round * 7 % 200;
DELETE FROM t WHERE e = 'zulu' AND n = 1 + @round * 11 % 200;
INSERT INTO t VALUES ('yankee', 1000 + @round, 1), ('', 1000 + @round, 2);
DELETE FROM t WHERE e = '' AND n = 1000 + @round - 4;
INSERT INTO t VALUES ('alpha', 3000 + @round % 20, @round) ON DUPLICATE KEY UPDATE v = v + 1;
DELETE FROM t WHERE n = 1 + @round * 13 % 200;
INSERT INTO t VALUES ('Mike', 1 + @round * 13 % 200, @round);

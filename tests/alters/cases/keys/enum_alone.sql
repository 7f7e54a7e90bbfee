-- Only key is a unique key on an ENUM of 120 members, one row for each.
-- @peers gh-ost: slow with an ENUM in the key; Spirit: needs a primary key
-- @create
SET @members = (WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120) SELECT GROUP_CONCAT(QUOTE(CONCAT(CHAR(122 - n % 26), n)) ORDER BY n) FROM n);
SET @create = CONCAT('CREATE TABLE t (k ENUM(', @members, ') NOT NULL, v INT NOT NULL, UNIQUE KEY (k))');
PREPARE create_table FROM @create;
EXECUTE create_table;
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n FROM n WHERE n % 10;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
SET @k = 1 + @round * 7 % 120;
INSERT INTO t VALUES (@k, @round) ON DUPLICATE KEY UPDATE v = v + 1;
DELETE FROM t WHERE k = 1 + @round * 11 % 120;
UPDATE t SET k = 1 + @round * 11 % 120, v = v + 1 WHERE k = 1 + (@round * 11 + 1) % 120;
UPDATE t SET v = v + 1 WHERE v % 15 = @round % 15;

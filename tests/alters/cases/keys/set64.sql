-- Only key is a unique key on a SET of 64 members, the highest bit included.
-- @create
SET @members = (WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 64) SELECT GROUP_CONCAT(QUOTE(CONCAT('m', n)) ORDER BY n) FROM n);
SET @create = CONCAT('CREATE TABLE t (k SET(', @members, ') NOT NULL, n INT NOT NULL, v INT NOT NULL, UNIQUE KEY (k))');
PREPARE create_table FROM @create;
EXECUTE create_table;
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT 18446744073709551615 - n * 5, n, n % 10 FROM n;
INSERT INTO t VALUES ('', -1, 0), ('m64', -2, 0), ('m1,m64', -3, 0);
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE n < 0 OR n % 40 = @round % 40;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (18446744073709551615 - @n * 5, @n, @round);
UPDATE t SET k = 18446744073709551615 - (1000 + @round) * 5, n = 1000 + @round WHERE n = 1 + @round * 11 % 200;

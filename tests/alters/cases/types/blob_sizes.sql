-- TINYBLOB, BLOB, MEDIUMBLOB, TINYTEXT, TEXT and MEDIUMTEXT columns, at the greatest length of the small ones.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a TINYBLOB,
  b BLOB,
  c MEDIUMBLOB,
  d TINYTEXT,
  e TEXT,
  f MEDIUMTEXT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, REPEAT(X'00', 255), IF(n % 40, 'x', REPEAT('b', 65535)), IF(n % 40, NULL, REPEAT('c', 65536)), REPEAT('d', 255), IF(n % 40, '', REPEAT('e', 65535)), IF(n % 40, NULL, REPEAT('ф', 40000)) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET a = REPEAT(X'FF', 255), c = CONCAT(IFNULL(c, ''), 'c') WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, REPEAT(X'00', 255), IF(@round % 40, 'x', REPEAT('b', 65535)), IF(@round % 40, NULL, REPEAT('c', 65536)), REPEAT('d', 255), IF(@round % 40, '', REPEAT('e', 65535)), IF(@round % 40, NULL, REPEAT('ф', 40000)));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, REPEAT(X'00', 255), IF((2000 + @round) % 40, 'x', REPEAT('b', 65535)), IF((2000 + @round) % 40, NULL, REPEAT('c', 65536)), REPEAT('d', 255), IF((2000 + @round) % 40, '', REPEAT('e', 65535)), IF((2000 + @round) % 40, NULL, REPEAT('ф', 40000)));
DELETE FROM t WHERE id = 2000 + @round - 3;

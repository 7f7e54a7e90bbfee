-- An ENUM column of 300 members, which takes two bytes.
-- @create
SET SESSION group_concat_max_len = 100000;
SET @members = (WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 300) SELECT GROUP_CONCAT(QUOTE(CONCAT('member ', n)) ORDER BY n) FROM n);
SET @create = CONCAT('CREATE TABLE t (id INT PRIMARY KEY, e ENUM(', @members, '))');
PREPARE create_table FROM @create;
EXECUTE create_table;
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 300)
  SELECT n, n FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET e = 1 + (e + 254) % 300 WHERE id % 50 = @round % 50;
DELETE FROM t WHERE id = 1 + @round * 7 % 300;
INSERT INTO t VALUES (1 + @round * 7 % 300, NULL);

-- A unique key is added over the first eight characters; they are unique.
-- @peers gh-ost: be careful not to write conflicting rows meanwhile; pt-online-schema-change: stops, unless --no-check-unique-key-change; duplicates are lost then (INSERT IGNORE); Spirit: only if the values are unique; else its checksum fails
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a VARCHAR(30),
  b INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, CONCAT('a', n), n FROM n;
UPDATE t SET a = CONCAT('p', LPAD(id, 7, '0'), 'tail');
-- @alter
ALTER TABLE t ADD UNIQUE KEY u (a(8))
-- @dml
UPDATE t SET a = CONCAT(LEFT(a, 8), @round) WHERE id % 40 = @round % 40;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t VALUES (1 + @round * 7 % 200, CONCAT('p', LPAD(1 + @round * 7 % 200, 7, '0'), 'other tail'), 0);
INSERT INTO t VALUES (2000 + @round, CONCAT('q', LPAD(@round, 7, '0')), 0);

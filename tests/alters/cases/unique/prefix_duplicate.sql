-- A unique key is added over the first three characters, which two rows share.
-- @expect fails Duplicate entry '150' for key 't.u'
-- @options --chunk-rows 7 --chunk-pause 20ms --duplicate-grace 3s
-- @peers gh-ost: MySQL may drop such rows silently; --panic-on-warnings stops; pt-online-schema-change: stops, unless --no-check-unique-key-change; duplicates are lost then (INSERT IGNORE); Spirit: not supported, its checksum fails
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a VARCHAR(30),
  b INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, CONCAT('a', n), n FROM n;
UPDATE t SET a = CONCAT(id, '-tail');
INSERT INTO t VALUES (900, '150', 0);
-- @alter
ALTER TABLE t ADD UNIQUE KEY u (a(3))
-- @dml
UPDATE t SET a = CONCAT(LEFT(a, 4), @round) WHERE id < 10;
UPDATE t SET b = b + 1 WHERE id % 40 = @round % 40;

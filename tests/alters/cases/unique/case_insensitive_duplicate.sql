-- A unique key is added on case-insensitive text, and two values differ in letter case only.
-- @expect fails 150' for key 't.u'
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
INSERT INTO t VALUES (900, 'A150', 0);
-- @alter
ALTER TABLE t ADD UNIQUE KEY u (a)
-- @dml
UPDATE t SET b = b + 1000 WHERE id = 1 + @round * 3 % 140;
DELETE FROM t WHERE id = 1 + @round * 7 % 140;
INSERT INTO t VALUES (1 + @round * 7 % 140, CONCAT('again', @round), 100000 + @round);
UPDATE t SET a = CONCAT('changed', @round), b = 200000 + @round WHERE id = 1 + @round * 11 % 140;
INSERT INTO t VALUES (1000 + @round, CONCAT('new', @round), 300000 + @round);
DELETE FROM t WHERE id = 1000 + @round - 3;

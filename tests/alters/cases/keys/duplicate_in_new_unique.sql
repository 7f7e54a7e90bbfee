-- A unique key is added over values that are there twice.
-- @options --chunk-rows 7 --chunk-pause 20ms --duplicate-grace 1s
-- @expect fails Duplicate
-- @peers gh-ost: MySQL may drop such rows silently; --panic-on-warnings stops; pt-online-schema-change: stops, unless --no-check-unique-key-change; duplicates are lost then (INSERT IGNORE); Spirit: not supported, its checksum fails
-- @create
CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL, w INT);
INSERT INTO t WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100) SELECT n, n % 60, 1 FROM n;
-- @alter
ALTER TABLE t ADD UNIQUE KEY v (v)
-- @dml
UPDATE t SET w = w + 1 WHERE id = 1 + @round % 100;

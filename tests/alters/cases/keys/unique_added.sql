-- A unique key is added; the application swaps values so that duplicates would show in any order but the right one.
-- @peers gh-ost: be careful not to write conflicting rows meanwhile; pt-online-schema-change: stops, unless --no-check-unique-key-change; duplicates are lost then (INSERT IGNORE); Spirit: only if the values are unique; else its checksum fails
-- @create
CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL);
INSERT INTO t WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200) SELECT n, n FROM n;
-- @alter
ALTER TABLE t ADD UNIQUE KEY v (v)
-- @dml
BEGIN;
UPDATE t SET v = -1 WHERE id = 1 + @round % 20;
UPDATE t SET v = 1 + @round % 20 WHERE id = 150;
UPDATE t SET v = 150 WHERE id = 1 + @round % 20;
UPDATE t SET v = 1 + @round % 20 WHERE id = 1 + @round % 20;
UPDATE t SET v = 150 WHERE id = 150;
COMMIT;
-- @dml after
UPDATE t SET v = -5 WHERE id = 3;

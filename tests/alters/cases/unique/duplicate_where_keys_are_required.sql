-- A unique key is added, two rows get one value, and the server accepts no table without primary key.
-- @global sql_require_primary_key = ON
-- @options --chunk-rows 7 --chunk-pause 20ms --duplicate-grace 3s
-- @expect fails Duplicate entry '3' for key 't.a'
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT,
  v INT NOT NULL DEFAULT 0
);
INSERT INTO t (id, a)
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n * 3 FROM n;
-- @alter
ALTER TABLE t MODIFY a BIGINT, ADD UNIQUE (a)
-- @dml
UPDATE t SET v = v + 1 WHERE id % 20 = @round % 20;
-- @dml following
UPDATE t SET a = 3 WHERE id = 150;

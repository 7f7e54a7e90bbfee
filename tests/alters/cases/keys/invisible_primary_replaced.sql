-- The invisible primary key that the server generated is dropped for another one, so that no key stands before and after.
-- @expect refused key
-- @peers gh-ost: not allowed without a shared key; pt-online-schema-change: DROP PRIMARY KEY stops it, unless --no-check-alter; Spirit: the primary key can not be altered; Vitess: the columns of the old key must be there afterwards
-- @create
SET SESSION sql_generate_invisible_primary_key = ON;
CREATE TABLE t (
  id INT NOT NULL,
  code VARCHAR(30),
  v INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, CONCAT('c', n), 0 FROM n;
-- @alter
ALTER TABLE t DROP PRIMARY KEY, DROP COLUMN my_row_id, ADD PRIMARY KEY (id)
-- @dml
UPDATE t SET v = v + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t (id, code, v) VALUES (1 + @round * 7 % 200, CONCAT('new', @round), @round);
UPDATE t SET code = CONCAT('moved', @round) WHERE id = 1 + @round * 11 % 200;
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 13 % 200;
INSERT INTO t (id, code, v) VALUES (2000 + @round, CONCAT('more', @round), @round);
DELETE FROM t WHERE id = 2000 + @round - 3;

-- A table without any key.
-- @expect refused key
-- @peers gh-ost: needs a primary or unique key; pt-online-schema-change: refuses in most cases; Spirit: needs a primary key; Vitess: needs a unique key without nullable columns
-- @create
CREATE TABLE t (
  id INT,
  code VARCHAR(30),
  v INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, CONCAT('c', n), 0 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t (id, code, v) VALUES (1 + @round * 7 % 200, CONCAT('new', @round), @round);
UPDATE t SET code = CONCAT('moved', @round) WHERE id = 1 + @round * 11 % 200;
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 13 % 200;
INSERT INTO t (id, code, v) VALUES (2000 + @round, CONCAT('more', @round), @round);
DELETE FROM t WHERE id = 2000 + @round - 3;

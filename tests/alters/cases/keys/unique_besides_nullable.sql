-- The only usable key is one of three unique keys; the others are nullable or cover a prefix.
-- @peers gh-ost, Vitess: a unique key without nullable columns will do; Spirit: needs a primary key
-- @create
CREATE TABLE t (
  id INT NULL,
  code VARCHAR(30) NOT NULL,
  v INT,
  UNIQUE KEY nullable (id),
  UNIQUE KEY prefix (code(20)),
  UNIQUE KEY usable (code)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, CONCAT('c', n), 0 FROM n;
INSERT INTO t VALUES (NULL, 'no id', 0), (NULL, 'no id either', 0);
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

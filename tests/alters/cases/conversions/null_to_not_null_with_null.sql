-- NULL becomes NOT NULL, and one row holds NULL.
-- @expect fails NULL value | cannot be null
-- @peers gh-ost: MySQL may drop such rows silently; --panic-on-warnings stops; pt-online-schema-change: with --null-to-not-null, NULL becomes 0, an empty text, …
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, n FROM n;
INSERT INTO t VALUES (900, NULL);
-- @alter
ALTER TABLE t MODIFY v INT NOT NULL
-- @dml
UPDATE t SET v = @round WHERE id % 30 = @round % 30 AND id < 900;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, @round);
INSERT INTO t VALUES (2000 + @round, (2000 + @round));
DELETE FROM t WHERE id = 2000 + @round - 3;

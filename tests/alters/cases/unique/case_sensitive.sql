-- A unique key is added in a binary collation over values that differ in letter case only.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a VARCHAR(30) COLLATE utf8mb4_bin,
  b INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, CONCAT('a', n), n FROM n;
INSERT INTO t SELECT id + 500, UPPER(a), b FROM t;
-- @alter
ALTER TABLE t ADD UNIQUE KEY u (a)
-- @dml
START TRANSACTION;
UPDATE t SET a = CONCAT('-', a) WHERE id IN (1 + @round * 7 % 200, 501 + @round * 7 % 200);
UPDATE t SET a = SUBSTR(a, 2) WHERE a LIKE '-%';
COMMIT;
UPDATE t SET b = b + 1 WHERE id % 40 = @round % 40;
INSERT INTO t VALUES (2000 + @round, CONCAT('q', @round), 0), (3000 + @round, CONCAT('Q', @round), 0);

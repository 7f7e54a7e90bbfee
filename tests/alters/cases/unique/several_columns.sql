-- A unique key is added on two columns; each by itself has duplicates.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a VARCHAR(10),
  b INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, CONCAT('a', n % 20), n DIV 20 FROM n;
-- @alter
ALTER TABLE t ADD UNIQUE KEY u (a, b)
-- @dml
START TRANSACTION;
UPDATE t SET b = b + 1000 WHERE a = CONCAT('a', @round % 20);
UPDATE t SET b = b - 1000 WHERE a = CONCAT('a', @round % 20);
UPDATE t SET b = b + 11 WHERE a = CONCAT('a', (@round + 7) % 20) ORDER BY b DESC;
COMMIT;
DELETE FROM t WHERE id = 1000 + @round - 3;
INSERT INTO t VALUES (1000 + @round, 'x', @round);

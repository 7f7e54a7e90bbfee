-- Primary key VARCHAR in a collation that pads: keys get and lose trailing spaces and stay equal.
-- @create
CREATE TABLE t (
  k VARCHAR(30) COLLATE utf8mb4_general_ci NOT NULL PRIMARY KEY,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT CONCAT('key', n, REPEAT(' ', n % 3)), n FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
SET @n = 1 + @round * 7 % 200;
UPDATE t SET k = CONCAT('key', @n, REPEAT(' ', @round % 4)), v = v + 1 WHERE k = CONCAT('key', @n) COLLATE utf8mb4_general_ci;
DELETE FROM t WHERE k = CONCAT('KEY', 1 + @round * 11 % 200, ' ') COLLATE utf8mb4_general_ci;
INSERT INTO t VALUES (CONCAT('Key', 1 + @round * 11 % 200, '  '), @round);
INSERT INTO t VALUES (CONCAT('new', @round, ' '), @round);
DELETE FROM t WHERE k = CONCAT('new', @round - 3) COLLATE utf8mb4_general_ci;

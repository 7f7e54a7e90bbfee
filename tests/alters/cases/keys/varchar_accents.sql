-- Primary key VARCHAR in an accent-insensitive collation: a row is deleted as a and inserted again as Á, and changed to A.
-- @create
CREATE TABLE t (
  k VARCHAR(30) COLLATE utf8mb4_0900_ai_ci NOT NULL PRIMARY KEY,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT CONCAT('a', n), n FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
SET @n = 1 + @round * 7 % 200;
START TRANSACTION;
DELETE FROM t WHERE k = CONCAT('a', @n);
INSERT INTO t VALUES (CONCAT('Á', @n), @round);
COMMIT;
UPDATE t SET k = CONCAT('A', 1 + @round * 11 % 200) WHERE k = CONCAT('a', 1 + @round * 11 % 200);
REPLACE INTO t VALUES (CONCAT('â', 1 + @round * 13 % 200), @round);
INSERT INTO t VALUES (CONCAT('å', 1 + @round * 3 % 200), 0) ON DUPLICATE KEY UPDATE k = VALUES(k), v = v + 1;

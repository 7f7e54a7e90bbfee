-- The VARCHAR primary key goes from a binary collation to a case-insensitive one; two keys are equal in it for a while, but not
-- at the end.
-- @create
CREATE TABLE t (
  k VARCHAR(40) COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  n INT NOT NULL,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT CONCAT('key', n), n, 0 FROM n;
-- @alter
ALTER TABLE t MODIFY k VARCHAR(40) COLLATE utf8mb4_0900_ai_ci NOT NULL
-- @dml
SET @n = 1 + @round * 7 % 200;
START TRANSACTION;
INSERT IGNORE INTO t VALUES (CONCAT('KEY', @n), -1, @round);
DELETE FROM t WHERE n = @n;
COMMIT;
START TRANSACTION;
INSERT INTO t VALUES (CONCAT('key', @n), @n, @round);
DELETE FROM t WHERE k = CONCAT('KEY', @n);
COMMIT;
UPDATE t SET k = IF(k LIKE 'KEY%', LOWER(k), UPPER(k)) WHERE n = 1 + @round * 11 % 200 AND n <> 1 + (@round + 1) * 7 % 200;
UPDATE t SET k = LOWER(k) WHERE n = 1 + @round * 11 % 200;

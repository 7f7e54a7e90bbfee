-- Primary key VARCHAR in utf8mb4_0900_ai_ci, where a trailing space makes another key.
-- @create
CREATE TABLE t (
  k VARCHAR(30) COLLATE utf8mb4_0900_ai_ci NOT NULL PRIMARY KEY,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100)
  SELECT CONCAT('key', n, s.s), n FROM n, (SELECT '' AS s UNION ALL SELECT ' ') AS s;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
SET @n = 1 + @round * 7 % 100;
UPDATE t SET v = v + 1 WHERE k = CONCAT('key', @n, ' ');
DELETE FROM t WHERE k = CONCAT('key', @n);
INSERT INTO t VALUES (CONCAT('key', @n), @round);
INSERT INTO t VALUES (CONCAT('key', @n, '   '), @round) ON DUPLICATE KEY UPDATE v = v + 1;
UPDATE t SET k = CONCAT(k, ' ') WHERE k = CONCAT('key', 1 + @round * 3 % 100, '   ');
DELETE FROM t WHERE k = CONCAT('key', 1 + @round * 3 % 100, '    ');

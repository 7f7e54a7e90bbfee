-- Primary key VARCHAR whose values hold quotes, backslashes, vertical bars, newlines and NUL, and one is empty.
-- @create
CREATE TABLE t (
  k VARCHAR(60) COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  n INT NOT NULL,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 160)
  SELECT CONCAT(ELT(1 + n % 8, '\'', '"', '\\', '|', '\n', '\0', '%_', '`'), n, ELT(1 + n % 7, '|', '\\', '\'', '\0', ';', '-- ', '/*')), n, 0 FROM n;
INSERT INTO t VALUES ('', 0, 0);
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE n % 20 = @round % 20;
UPDATE t SET k = CONCAT('\\', k), n = n + 1000 WHERE n = @round % 160;
UPDATE t SET k = SUBSTR(k, 2), n = n - 1000 WHERE n = 1000 + (@round * 3) % 160;
DELETE FROM t WHERE k = CONCAT('\'|\\\0', @round - 2);
INSERT INTO t VALUES (CONCAT('\'|\\\0', @round), -1, @round);
UPDATE t SET v = v + 1 WHERE k = '';

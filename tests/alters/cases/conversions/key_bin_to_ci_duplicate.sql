-- The VARCHAR primary key goes from a binary collation to a case-insensitive one, in which two keys are equal.
-- @expect fails 77
-- @create
CREATE TABLE t (
  k VARCHAR(40) COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT CONCAT('key', n), n FROM n;
INSERT INTO t VALUES ('KEY77', 0);
-- @alter
ALTER TABLE t MODIFY k VARCHAR(40) COLLATE utf8mb4_0900_ai_ci NOT NULL
-- @dml
UPDATE t SET v = v + 1 WHERE v % 40 = @round % 40;
INSERT INTO t VALUES (CONCAT('new', @round), 1);
DELETE FROM t WHERE k = CONCAT('new', @round - 3);

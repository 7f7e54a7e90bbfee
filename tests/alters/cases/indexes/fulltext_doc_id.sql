-- A table with a FULLTEXT index and its own FTS_DOC_ID column.
-- @expect refused FTS_DOC_ID
-- @create
CREATE TABLE t (
  FTS_DOC_ID BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  a INT,
  b TEXT,
  UNIQUE KEY FTS_DOC_ID_INDEX (FTS_DOC_ID),
  FULLTEXT KEY words (b)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('word ', n) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN x INT
-- @dml
UPDATE t SET a = a + 1 WHERE FTS_DOC_ID % 25 = @round % 25;
DELETE FROM t WHERE FTS_DOC_ID = 1 + @round * 7 % 120;
INSERT INTO t (a, b) VALUES (@round, 'another word');

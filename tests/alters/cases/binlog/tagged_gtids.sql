-- Transactions with tagged GTIDs (gtid_next = AUTOMATIC:tag), of two tags in turn with untagged ones.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT NOT NULL,
  note VARCHAR(100)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, CONCAT('note ', n) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7, MODIFY v BIGINT NOT NULL
-- @dml
SET SESSION gtid_next = 'AUTOMATIC:outlast_case';
UPDATE t SET v = v + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
SET SESSION gtid_next = 'AUTOMATIC:another_tag';
INSERT INTO t VALUES (1 + @round * 7 % 200, @round, 'tagged');
SET SESSION gtid_next = 'AUTOMATIC';
INSERT INTO t VALUES (1000 + @round, @round, 'plain');

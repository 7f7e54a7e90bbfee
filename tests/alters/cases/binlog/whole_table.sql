-- Statements that change every row of the table.
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
UPDATE t SET v = v + 1;
UPDATE t SET note = CONCAT('round ', @round) WHERE id % 2 = @round % 2;
-- @dml following
DELETE FROM t;
INSERT INTO t SELECT n.n, n.n, 'all new' FROM (WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 250) SELECT n FROM n) AS n;

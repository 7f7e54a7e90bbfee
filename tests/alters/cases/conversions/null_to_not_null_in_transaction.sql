-- NULL becomes NOT NULL; transactions set NULL and replace it before they commit.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, n FROM n;
-- @alter
ALTER TABLE t MODIFY v BIGINT NOT NULL
-- @dml
UPDATE t SET v = @round WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, @round);
INSERT INTO t VALUES (2000 + @round, (2000 + @round));
DELETE FROM t WHERE id = 2000 + @round - 3;
START TRANSACTION;
UPDATE t SET v = NULL WHERE id % 20 = @round % 20;
INSERT INTO t VALUES (3000 + @round, NULL);
UPDATE t SET v = @round WHERE v IS NULL;
COMMIT;

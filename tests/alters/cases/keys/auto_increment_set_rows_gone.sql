-- The counter is set to less than there are rows, and the highest rows are deleted before the end.
-- @create
CREATE TABLE t (
  id INT AUTO_INCREMENT PRIMARY KEY,
  v INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 300)
  SELECT n, 0 FROM n;
-- @alter
ALTER TABLE t MODIFY v BIGINT, AUTO_INCREMENT = 5
-- @dml
UPDATE t SET v = v + 1 WHERE id % 20 = @round % 20;
-- @dml ready
DELETE FROM t WHERE id > 250;
-- @dml after
INSERT INTO t (v) VALUES (1);

-- A text column is made shorter than one of its values.
-- @expect fails Data truncated for column
-- @create
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(50));
INSERT INTO t WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100) SELECT n, 'short' FROM n;
UPDATE t SET v = 'too long for the new column' WHERE id = 90;
-- @alter
ALTER TABLE t MODIFY v VARCHAR(10)
-- @dml
UPDATE t SET v = CONCAT('v', @round) WHERE id = 1 + @round % 50;

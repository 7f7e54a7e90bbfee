-- A text column is made shorter; all values fit.
-- @create
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(200) CHARACTER SET utf8mb4);
INSERT INTO t WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150) SELECT n, CONCAT('värde ', n) FROM n;
-- @alter
ALTER TABLE t MODIFY v VARCHAR(12) CHARACTER SET latin1
-- @dml
UPDATE t SET v = CONCAT('é', @round) WHERE id = 1 + @round % 150;

-- VARBINARY becomes VARCHAR in utf8mb4; all values are valid text.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v VARBINARY(90)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, CAST(CONCAT('ä€😀', n) AS BINARY) FROM n;
-- @alter
ALTER TABLE t MODIFY v VARCHAR(90) CHARACTER SET utf8mb4
-- @dml
UPDATE t SET v = X'C3BC' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, CAST(CONCAT('ä€😀', @round) AS BINARY));
INSERT INTO t VALUES (2000 + @round, CAST(CONCAT('ä€😀', (2000 + @round)) AS BINARY));
DELETE FROM t WHERE id = 2000 + @round - 3;

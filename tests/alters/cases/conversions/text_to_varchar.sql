-- TEXT becomes VARCHAR; all values fit.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v TEXT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, REPEAT('ü', n % 100) FROM n;
-- @alter
ALTER TABLE t MODIFY v VARCHAR(100)
-- @dml
UPDATE t SET v = REPEAT('😀', 100) WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, REPEAT('ü', @round % 100));
INSERT INTO t VALUES (2000 + @round, REPEAT('ü', (2000 + @round) % 100));
DELETE FROM t WHERE id = 2000 + @round - 3;

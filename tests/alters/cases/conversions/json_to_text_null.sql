-- JSON null and SQL NULL become different texts.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v JSON
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, IF(n % 2, NULL, CAST('null' AS JSON)) FROM n;
-- @alter
ALTER TABLE t MODIFY v TEXT
-- @dml
UPDATE t SET v = CAST('"null"' AS JSON) WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, IF(@round % 2, NULL, CAST('null' AS JSON)));
INSERT INTO t VALUES (2000 + @round, IF((2000 + @round) % 2, NULL, CAST('null' AS JSON)));
DELETE FROM t WHERE id = 2000 + @round - 3;

-- VECTOR(3) becomes VECTOR(100), and another VECTOR becomes VARBINARY.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a VECTOR(3),
  b VECTOR(2)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, STRING_TO_VECTOR(CONCAT('[', n, ', 2, 3]')), STRING_TO_VECTOR('[1, 2]') FROM n;
-- @alter
ALTER TABLE t MODIFY a VECTOR(100), MODIFY b VARBINARY(8)
-- @dml
UPDATE t SET a = STRING_TO_VECTOR('[1]') WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, STRING_TO_VECTOR(CONCAT('[', @round, ', 2, 3]')), STRING_TO_VECTOR('[1, 2]'));
INSERT INTO t VALUES (2000 + @round, STRING_TO_VECTOR(CONCAT('[', (2000 + @round), ', 2, 3]')), STRING_TO_VECTOR('[1, 2]'));
DELETE FROM t WHERE id = 2000 + @round - 3;

-- A VECTOR(2048) column beside which another column changes its type.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  e VECTOR(2048),
  v INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, STRING_TO_VECTOR(CONCAT('[', n, REPEAT(', 0.25', 2047), ']')), n FROM n;
-- @alter
ALTER TABLE t MODIFY v BIGINT
-- @dml
UPDATE t SET e = STRING_TO_VECTOR('[1, -1]'), v = v + 1 WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, STRING_TO_VECTOR(CONCAT('[', @round, REPEAT(', 0.25', 2047), ']')), @round);
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, STRING_TO_VECTOR(CONCAT('[', (2000 + @round), REPEAT(', 0.25', 2047), ']')), (2000 + @round));
DELETE FROM t WHERE id = 2000 + @round - 3;

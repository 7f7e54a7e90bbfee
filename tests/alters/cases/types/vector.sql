-- A VECTOR column, with fractions and negative numbers.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  e VECTOR(4) NOT NULL,
  f VECTOR
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, STRING_TO_VECTOR(CONCAT('[', n, ', -0.5, 1e-20, ', n / 3, ']')), IF(n % 4, NULL, STRING_TO_VECTOR('[1, 2, 3]')) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET e = STRING_TO_VECTOR('[0, 0, 0, 0]'), f = STRING_TO_VECTOR(CONCAT('[', @round, ']')) WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, STRING_TO_VECTOR(CONCAT('[', @round, ', -0.5, 1e-20, ', @round / 3, ']')), IF(@round % 4, NULL, STRING_TO_VECTOR('[1, 2, 3]')));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, STRING_TO_VECTOR(CONCAT('[', (2000 + @round), ', -0.5, 1e-20, ', (2000 + @round) / 3, ']')), IF((2000 + @round) % 4, NULL, STRING_TO_VECTOR('[1, 2, 3]')));
DELETE FROM t WHERE id = 2000 + @round - 3;

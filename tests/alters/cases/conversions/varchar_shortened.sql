-- VARCHAR(100) becomes VARCHAR(10); all values fit, one after its trailing spaces are cut.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v VARCHAR(100)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, CONCAT('abc', n) FROM n;
-- @alter
ALTER TABLE t MODIFY v VARCHAR(10)
-- @dml
UPDATE t SET v = CONCAT('0123456789', REPEAT(' ', @round % 5)) WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, CONCAT('abc', @round));
INSERT INTO t VALUES (2000 + @round, CONCAT('abc', (2000 + @round)));
DELETE FROM t WHERE id = 2000 + @round - 3;

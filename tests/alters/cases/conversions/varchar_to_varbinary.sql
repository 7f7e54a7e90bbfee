-- VARCHAR becomes VARBINARY with the bytes of its character set.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a VARCHAR(30),
  b VARCHAR(30) CHARACTER SET latin1
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, CONCAT('ä€', n), CONCAT('ä', n, ' ') FROM n;
-- @alter
ALTER TABLE t MODIFY a VARBINARY(90), MODIFY b VARBINARY(60)
-- @dml
UPDATE t SET a = '😀', b = '' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, CONCAT('ä€', @round), CONCAT('ä', @round, ' '));
INSERT INTO t VALUES (2000 + @round, CONCAT('ä€', (2000 + @round)), CONCAT('ä', (2000 + @round), ' '));
DELETE FROM t WHERE id = 2000 + @round - 3;

-- Integer columns become VARCHAR and CHAR.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT,
  b BIGINT UNSIGNED,
  c INT(6) ZEROFILL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, n - 75, 18446744073709551615 - n, n FROM n;
-- @alter
ALTER TABLE t MODIFY a VARCHAR(12), MODIFY b VARCHAR(20) CHARACTER SET latin1, MODIFY c CHAR(8)
-- @dml
UPDATE t SET a = -a WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, @round - 75, 18446744073709551615 - @round, @round);
INSERT INTO t VALUES (2000 + @round, (2000 + @round) - 75, 18446744073709551615 - (2000 + @round), (2000 + @round));
DELETE FROM t WHERE id = 2000 + @round - 3;

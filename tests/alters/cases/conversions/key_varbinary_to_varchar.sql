-- The VARBINARY primary key becomes VARCHAR.
-- @peers Spirit: the primary key can not change between text and another type
-- @create
CREATE TABLE t (
  k VARBINARY(40) NOT NULL PRIMARY KEY,
  n INT NOT NULL,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT CAST(CONCAT('ä', n) AS BINARY), n, n % 10 FROM n;
-- @alter
ALTER TABLE t MODIFY k VARCHAR(40) NOT NULL
-- @dml
UPDATE t SET v = v + 1 WHERE n % 40 = @round % 40;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (CAST(CONCAT('ä', @n) AS BINARY), @n, @round);
SET @n = 1000 + @round;
UPDATE t SET k = CAST(CONCAT('ä', @n) AS BINARY), n = @n WHERE n = 1 + @round * 11 % 200;
SET @n = 2000 + @round;
INSERT INTO t VALUES (CAST(CONCAT('ä', @n) AS BINARY), @n, 1);
DELETE FROM t WHERE n = 2000 + @round - 5;

-- The VARCHAR primary key goes from utf8mb4 to latin1; all keys fit.
-- @peers Spirit: the collation of the primary key can not be changed
-- @create
CREATE TABLE t (
  k VARCHAR(40) NOT NULL PRIMARY KEY,
  n INT NOT NULL,
  v INT NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT CONCAT(ELT(1 + n % 4, 'a', 'ß', 'Öl', 'z'), n), n, n % 10 FROM n;
-- @alter
ALTER TABLE t MODIFY k VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL
-- @dml
UPDATE t SET v = v + 1 WHERE n % 40 = @round % 40;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (CONCAT(ELT(1 + @n % 4, 'a', 'ß', 'Öl', 'z'), @n), @n, @round);
SET @n = 1000 + @round;
UPDATE t SET k = CONCAT(ELT(1 + @n % 4, 'a', 'ß', 'Öl', 'z'), @n), n = @n WHERE n = 1 + @round * 11 % 200;
SET @n = 2000 + @round;
INSERT INTO t VALUES (CONCAT(ELT(1 + @n % 4, 'a', 'ß', 'Öl', 'z'), @n), @n, 1);
DELETE FROM t WHERE n = 2000 + @round - 5;
UPDATE t SET k = IF(CAST(k AS BINARY) = CAST(UPPER(k) AS BINARY), LOWER(k), UPPER(k)), v = v + 1 WHERE n % 20 = @round % 20;

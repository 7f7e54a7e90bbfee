-- Composite primary key of texts in three collations: case-insensitive with padding, binary, and sensitive to accents.
-- @create
CREATE TABLE t (
  a VARCHAR(10) COLLATE utf8mb4_general_ci NOT NULL,
  b VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL,
  c VARCHAR(20) COLLATE utf8mb4_0900_as_ci NOT NULL,
  n INT NOT NULL,
  v INT NOT NULL,
  PRIMARY KEY (a, b, c)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT ELT(1 + n % 3, 'a', 'b ', 'ß'), ELT(1 + n DIV 3 % 3, 'a', 'A', 'é'), CONCAT(ELT(1 + n % 2, 'é', 'e'), n), n, 0 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET v = v + 1 WHERE n % 25 = @round % 25;
SET @n = 1 + @round * 7 % 200;
DELETE FROM t WHERE n = @n;
INSERT INTO t VALUES (ELT(1 + @n % 3, 'a', 'b ', 'ß'), ELT(1 + @n DIV 3 % 3, 'a', 'A', 'é'), CONCAT(ELT(1 + @n % 2, 'é', 'e'), @n), @n, @round);
SET @n = 1000 + @round;
UPDATE t SET a = ELT(1 + @n % 3, 'a', 'b ', 'ß'), b = ELT(1 + @n DIV 3 % 3, 'a', 'A', 'é'), c = CONCAT(ELT(1 + @n % 2, 'é', 'e'), @n), n = @n WHERE n = 1 + @round * 11 % 200;
INSERT INTO t VALUES (ELT(1 + (@n + 1000) % 3, 'a', 'b ', 'ß'), ELT(1 + (@n + 1000) DIV 3 % 3, 'a', 'A', 'é'), CONCAT(ELT(1 + (@n + 1000) % 2, 'é', 'e'), (@n + 1000)), @n + 1000, 1);
DELETE FROM t WHERE n = 2000 + @round - 4;
UPDATE t SET a = IF(CAST(a AS BINARY) = CAST(UPPER(a) AS BINARY), LOWER(a), UPPER(a)), v = v + 1 WHERE n % 30 = @round % 30;
UPDATE t SET c = IF(CAST(c AS BINARY) = CAST(UPPER(c) AS BINARY), LOWER(c), UPPER(c)) WHERE n % 30 = (@round + 9) % 30;

-- The whole table goes from utf8mb4 to latin1, and one value has a character that it lacks.
-- @expect fails Incorrect string value
-- @peers gh-ost: MySQL may drop such rows silently; --panic-on-warnings stops; Spirit: lossy conversions are not supported
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT NOT NULL,
  b VARCHAR(40),
  c TEXT,
  e ENUM('a', 'b'),
  KEY (b)
) CHARACTER SET utf8mb4;
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n * 2, CONCAT('Größe ', n), REPEAT('é', n), 1 + n % 2 FROM n;
INSERT INTO t VALUES (900, 1, '日本', NULL, 'b');
-- @alter
ALTER TABLE t CONVERT TO CHARACTER SET latin1
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t (id, a, b, c) VALUES (1 + @round * 7 % 200, @round, CONCAT('r', @round), NULL);
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 200;
INSERT INTO t (id, a, b, c) VALUES (2000 + @round, @round, CONCAT('r', @round), NULL);
DELETE FROM t WHERE id = 2000 + @round - 3;
UPDATE t SET b = UPPER(b), e = 'a' WHERE id = 1 + @round * 13 % 200;

-- A unique key is added, and the value that occurs twice holds quotes and the words for key.
-- @expect fails for key
-- @options --chunk-rows 7 --chunk-pause 20ms --duplicate-grace 3s
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a VARCHAR(30),
  b INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, CONCAT('a', n), n FROM n;
UPDATE t SET a = 'it''s for key ''x' WHERE id IN (20, 190);
-- @alter
ALTER TABLE t ADD UNIQUE KEY u (a)
-- @dml
UPDATE t SET b = b + 1 WHERE id % 40 = @round % 40;
INSERT INTO t VALUES (1000 + @round, CONCAT('new', @round), 0);

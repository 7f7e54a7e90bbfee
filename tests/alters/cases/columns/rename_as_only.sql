-- A column is renamed with AS instead of TO nowhere; the table's own name contains the words RENAME COLUMN.
-- @table t RENAME COLUMN a
-- @create
CREATE TABLE `t RENAME COLUMN a` (
  id INT PRIMARY KEY,
  a INT NOT NULL,
  b VARCHAR(40),
  c DATE
);
INSERT INTO `t RENAME COLUMN a`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n * 2, CONCAT('b', n), DATE '2024-01-01' + INTERVAL n DAY FROM n;
-- @alter
ALTER TABLE `t RENAME COLUMN a` RENAME COLUMN b TO a2
-- @dml
UPDATE `t RENAME COLUMN a` SET a = a + 1 WHERE id % 25 = @round % 25;
DELETE FROM `t RENAME COLUMN a` WHERE id = 1 + @round * 7 % 200;
INSERT INTO `t RENAME COLUMN a` (id, a, b, c) VALUES (1 + @round * 7 % 200, @round, CONCAT('r', @round), NULL);
UPDATE `t RENAME COLUMN a` SET id = 1000 + @round WHERE id = 1 + @round * 11 % 200;
INSERT INTO `t RENAME COLUMN a` (id, a, b, c) VALUES (2000 + @round, @round, CONCAT('r', @round), NULL);
DELETE FROM `t RENAME COLUMN a` WHERE id = 2000 + @round - 3;

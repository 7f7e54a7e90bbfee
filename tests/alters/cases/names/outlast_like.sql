-- A table whose name begins as those of the tool itself.
-- @table _outlast_orders
-- @create
CREATE TABLE `_outlast_orders` (
  id INT PRIMARY KEY,
  `a` INT NOT NULL,
  `b` VARCHAR(40)
);
INSERT INTO `_outlast_orders`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `_outlast_orders` ADD COLUMN x INT
-- @dml
UPDATE `_outlast_orders` SET `a` = `a` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `_outlast_orders` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `_outlast_orders` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `_outlast_orders` VALUES (1000 + @round, @round, 'new');
DELETE FROM `_outlast_orders` WHERE id = 1000 + @round - 3;

-- Names that begin with digits, and one that is only digits.
-- @table 2024_orders
-- @create
CREATE TABLE `2024_orders` (
  id INT PRIMARY KEY,
  `1st` INT NOT NULL,
  `42` VARCHAR(40)
);
INSERT INTO `2024_orders`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `2024_orders` ADD COLUMN `1e5` INT, RENAME COLUMN 1st TO 2nd
-- @dml
UPDATE `2024_orders` SET `1st` = `1st` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `2024_orders` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `2024_orders` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `2024_orders` VALUES (1000 + @round, @round, 'new');
DELETE FROM `2024_orders` WHERE id = 1000 + @round - 3;

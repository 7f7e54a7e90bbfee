-- Hyphens in the names.
-- @table orders-2024
-- @create
CREATE TABLE `orders-2024` (
  id INT PRIMARY KEY,
  `a-b` INT NOT NULL,
  `--` VARCHAR(40)
);
INSERT INTO `orders-2024`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `orders-2024` ADD COLUMN `x-y` INT
-- @dml
UPDATE `orders-2024` SET `a-b` = `a-b` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `orders-2024` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `orders-2024` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `orders-2024` VALUES (1000 + @round, @round, 'new');
DELETE FROM `orders-2024` WHERE id = 1000 + @round - 3;

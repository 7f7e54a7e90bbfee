-- Spaces within the names of table and columns.
-- @table order  lines 2024
-- @create
CREATE TABLE `order  lines 2024` (
  id INT PRIMARY KEY,
  `unit  price` INT NOT NULL,
  `a b` VARCHAR(40)
);
INSERT INTO `order  lines 2024`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `order  lines 2024` ADD COLUMN ` leading space` INT
-- @dml
UPDATE `order  lines 2024` SET `unit  price` = `unit  price` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `order  lines 2024` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `order  lines 2024` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `order  lines 2024` VALUES (1000 + @round, @round, 'new');
DELETE FROM `order  lines 2024` WHERE id = 1000 + @round - 3;

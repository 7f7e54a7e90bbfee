-- Chinese and Japanese names.
-- @table 注文
-- @create
CREATE TABLE `注文` (
  id INT PRIMARY KEY,
  `金額` INT NOT NULL,
  `名前` VARCHAR(40)
);
INSERT INTO `注文`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `注文` ADD COLUMN `備考` TEXT, RENAME COLUMN `金額` TO `合計`
-- @dml
UPDATE `注文` SET `金額` = `金額` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `注文` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `注文` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `注文` VALUES (1000 + @round, @round, 'new');
DELETE FROM `注文` WHERE id = 1000 + @round - 3;

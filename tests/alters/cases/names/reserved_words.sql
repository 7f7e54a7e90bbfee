-- Reserved words as names of table and columns.
-- @table table
-- @create
CREATE TABLE `table` (
  id INT PRIMARY KEY,
  `column` INT NOT NULL,
  `add` VARCHAR(40)
);
INSERT INTO `table`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `table` ADD COLUMN `index` INT, RENAME COLUMN `column` TO `primary key`
-- @dml
UPDATE `table` SET `column` = `column` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `table` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `table` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `table` VALUES (1000 + @round, @round, 'new');
DELETE FROM `table` WHERE id = 1000 + @round - 3;

-- Backticks in the names of table and columns.
-- @table a`b``c
-- @create
CREATE TABLE `a``b````c` (
  id INT PRIMARY KEY,
  `x``y` INT NOT NULL,
  ```` VARCHAR(40)
);
INSERT INTO `a``b````c`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `a``b````c` ADD COLUMN `````` INT, RENAME COLUMN `x``y` TO `y``x`
-- @dml
UPDATE `a``b````c` SET `x``y` = `x``y` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `a``b````c` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `a``b````c` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `a``b````c` VALUES (1000 + @round, @round, 'new');
DELETE FROM `a``b````c` WHERE id = 1000 + @round - 3;

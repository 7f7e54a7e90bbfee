-- A table whose name is 40 characters of three bytes each; MySQL itself takes no more in the name of its file.
-- @table 表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表
-- @create
CREATE TABLE `表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表` (
  id INT PRIMARY KEY,
  `a` INT NOT NULL,
  `b` VARCHAR(40)
);
INSERT INTO `表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表` ADD COLUMN x INT
-- @dml
UPDATE `表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表` SET `a` = `a` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表` VALUES (1000 + @round, @round, 'new');
DELETE FROM `表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表表` WHERE id = 1000 + @round - 3;

-- Percent signs, underscores and question marks in the names.
-- @table 100%_?
-- @create
CREATE TABLE `100%_?` (
  id INT PRIMARY KEY,
  `?` INT NOT NULL,
  `a%` VARCHAR(40)
);
INSERT INTO `100%_?`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `100%_?` ADD COLUMN `%s` INT
-- @dml
UPDATE `100%_?` SET `?` = `?` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `100%_?` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `100%_?` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `100%_?` VALUES (1000 + @round, @round, 'new');
DELETE FROM `100%_?` WHERE id = 1000 + @round - 3;

-- Table, columns, index and CHECK constraint with names of 64 characters each.
-- @table T_abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab
-- @create
CREATE TABLE `T_abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab` (
  id INT PRIMARY KEY,
  `abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc1` INT NOT NULL,
  `abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc2` VARCHAR(40)
);
INSERT INTO `T_abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `T_abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab` ADD COLUMN `abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcx` INT, ADD INDEX `abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcd` (`abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc1`), ADD CONSTRAINT `abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabck` CHECK (`abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc1` > -1), RENAME COLUMN `abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc2` TO `abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc3`
-- @dml
UPDATE `T_abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab` SET `abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc1` = `abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc1` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `T_abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `T_abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `T_abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab` VALUES (1000 + @round, @round, 'new');
DELETE FROM `T_abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab` WHERE id = 1000 + @round - 3;

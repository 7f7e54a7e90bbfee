-- Slashes, backslashes, the at sign and a hash in the names.
-- @table a/b\c@d#e
-- @create
CREATE TABLE `a/b\c@d#e` (
  id INT PRIMARY KEY,
  `\` INT NOT NULL,
  `#` VARCHAR(40)
);
INSERT INTO `a/b\c@d#e`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `a/b\c@d#e` ADD COLUMN `/* x */` INT
-- @dml
UPDATE `a/b\c@d#e` SET `\` = `\` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `a/b\c@d#e` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `a/b\c@d#e` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `a/b\c@d#e` VALUES (1000 + @round, @round, 'new');
DELETE FROM `a/b\c@d#e` WHERE id = 1000 + @round - 3;

-- Currency signs and arithmetic symbols in the names.
-- @table € ± ×
-- @create
CREATE TABLE `€ ± ×` (
  id INT PRIMARY KEY,
  `µ` INT NOT NULL,
  `¬` VARCHAR(40)
);
INSERT INTO `€ ± ×`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `€ ± ×` ADD COLUMN `→` INT
-- @dml
UPDATE `€ ± ×` SET `µ` = `µ` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `€ ± ×` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `€ ± ×` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `€ ± ×` VALUES (1000 + @round, @round, 'new');
DELETE FROM `€ ± ×` WHERE id = 1000 + @round - 3;

-- Table, columns and index share one name.
-- @table x
-- @create
CREATE TABLE `x` (
  id INT PRIMARY KEY,
  `x` INT NOT NULL,
  `t` VARCHAR(40)
);
INSERT INTO `x`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `x` ADD COLUMN y INT, ADD INDEX x (x), ADD CONSTRAINT x CHECK (x > -1)
-- @dml
UPDATE `x` SET `x` = `x` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `x` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `x` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `x` VALUES (1000 + @round, @round, 'new');
DELETE FROM `x` WHERE id = 1000 + @round - 3;

-- Quotes of both kinds in the names of table and columns.
-- @table it's "quoted"
-- @create
CREATE TABLE `it's "quoted"` (
  id INT PRIMARY KEY,
  `'` INT NOT NULL,
  `a"b` VARCHAR(40)
);
INSERT INTO `it's "quoted"`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `it's "quoted"` ADD COLUMN `"` INT
-- @dml
UPDATE `it's "quoted"` SET `'` = `'` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `it's "quoted"` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `it's "quoted"` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `it's "quoted"` VALUES (1000 + @round, @round, 'new');
DELETE FROM `it's "quoted"` WHERE id = 1000 + @round - 3;

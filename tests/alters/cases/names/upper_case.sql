-- A table with a name in upper case.
-- @table ORDERS
-- @create
CREATE TABLE `ORDERS` (
  id INT PRIMARY KEY,
  `a` INT NOT NULL,
  `b` VARCHAR(40)
);
INSERT INTO `ORDERS`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `ORDERS` ADD COLUMN x INT
-- @dml
UPDATE `ORDERS` SET `a` = `a` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `ORDERS` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `ORDERS` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `ORDERS` VALUES (1000 + @round, @round, 'new');
DELETE FROM `ORDERS` WHERE id = 1000 + @round - 3;

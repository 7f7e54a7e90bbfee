-- Names in mixed letter case; the statement writes columns in another one.
-- @table OrderLines
-- @peers gh-ost: not if another table has the same name in other letter case
-- @create
CREATE TABLE `OrderLines` (
  id INT PRIMARY KEY,
  `UnitPrice` INT NOT NULL,
  `Quantity` VARCHAR(40)
);
INSERT INTO `OrderLines`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `OrderLines` RENAME COLUMN UNITPRICE TO unitPrice, ADD COLUMN x INT AFTER QUANTITY
-- @dml
UPDATE `OrderLines` SET `UnitPrice` = `UnitPrice` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `OrderLines` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `OrderLines` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `OrderLines` VALUES (1000 + @round, @round, 'new');
DELETE FROM `OrderLines` WHERE id = 1000 + @round - 3;

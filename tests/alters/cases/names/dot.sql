-- A table with a dot in its name.
-- @table shop.orders
-- @create
CREATE TABLE `shop.orders` (
  id INT PRIMARY KEY,
  `t.a` INT NOT NULL,
  `b.` VARCHAR(40)
);
INSERT INTO `shop.orders`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `shop.orders` ADD COLUMN `a.b` INT
-- @dml
UPDATE `shop.orders` SET `t.a` = `t.a` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `shop.orders` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `shop.orders` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `shop.orders` VALUES (1000 + @round, @round, 'new');
DELETE FROM `shop.orders` WHERE id = 1000 + @round - 3;

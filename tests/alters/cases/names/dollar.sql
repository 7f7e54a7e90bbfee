-- Dollar signs in the names.
-- @table or$ders
-- @create
CREATE TABLE `or$ders` (
  id INT PRIMARY KEY,
  `$a` INT NOT NULL,
  `b$` VARCHAR(40)
);
INSERT INTO `or$ders`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `or$ders` ADD COLUMN c$ INT
-- @dml
UPDATE `or$ders` SET `$a` = `$a` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `or$ders` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `or$ders` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `or$ders` VALUES (1000 + @round, @round, 'new');
DELETE FROM `or$ders` WHERE id = 1000 + @round - 3;

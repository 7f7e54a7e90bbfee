-- Umlauts in the names of table and columns.
-- @table Größe
-- @create
CREATE TABLE `Größe` (
  id INT PRIMARY KEY,
  `ärger` INT NOT NULL,
  `straße` VARCHAR(40)
);
INSERT INTO `Größe`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `Größe` ADD COLUMN `Übergröße` INT, RENAME COLUMN `straße` TO `Strasse2`
-- @dml
UPDATE `Größe` SET `ärger` = `ärger` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `Größe` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `Größe` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `Größe` VALUES (1000 + @round, @round, 'new');
DELETE FROM `Größe` WHERE id = 1000 + @round - 3;

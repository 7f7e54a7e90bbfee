-- A table and columns whose names are letters that begin special literals.
-- @table N
-- @create
CREATE TABLE `N` (
  id INT PRIMARY KEY,
  `X` INT NOT NULL,
  `b` VARCHAR(40)
);
INSERT INTO `N`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `N` ADD COLUMN e INT, RENAME COLUMN b TO n2
-- @dml
UPDATE `N` SET `X` = `X` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `N` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `N` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `N` VALUES (1000 + @round, @round, 'new');
DELETE FROM `N` WHERE id = 1000 + @round - 3;

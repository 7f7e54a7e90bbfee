-- A semicolon and a line of SQL in the names.
-- @table x; DROP TABLE y
-- @create
CREATE TABLE `x; DROP TABLE y` (
  id INT PRIMARY KEY,
  `a;b` INT NOT NULL,
  `OR 1=1` VARCHAR(40)
);
INSERT INTO `x; DROP TABLE y`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `x; DROP TABLE y` ADD COLUMN `a); --` INT
-- @dml
UPDATE `x; DROP TABLE y` SET `a;b` = `a;b` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `x; DROP TABLE y` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `x; DROP TABLE y` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `x; DROP TABLE y` VALUES (1000 + @round, @round, 'new');
DELETE FROM `x; DROP TABLE y` WHERE id = 1000 + @round - 3;

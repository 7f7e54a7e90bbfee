-- A table with a name of 64 characters.
-- @table t_abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab
-- @create
CREATE TABLE `t_abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab` (
  id INT PRIMARY KEY,
  `a` INT NOT NULL,
  `b` VARCHAR(40)
);
INSERT INTO `t_abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab`
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)
  SELECT n, n, CONCAT('b', n) FROM n;
-- @alter
ALTER TABLE `t_abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab` ADD COLUMN x INT
-- @dml
UPDATE `t_abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab` SET `a` = `a` + 1 WHERE id % 25 = @round % 25;
DELETE FROM `t_abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab` WHERE id = 1 + @round * 7 % 120;
INSERT INTO `t_abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab` VALUES (1 + @round * 7 % 120, @round, 'again');
INSERT INTO `t_abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab` VALUES (1000 + @round, @round, 'new');
DELETE FROM `t_abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab` WHERE id = 1000 + @round - 3;

-- CHAR, VARCHAR and TEXT columns in gb18030.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a CHAR(20) CHARACTER SET gb18030 COLLATE gb18030_chinese_ci,
  b VARCHAR(200) CHARACTER SET gb18030 COLLATE gb18030_chinese_ci,
  c TEXT CHARACTER SET gb18030 COLLATE gb18030_chinese_ci
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, ELT(1 + n % 5, 'plain', '中国', '😀', 'Grüße', ''), ELT(1 + (n + 1) % 5, 'plain', '中国', '😀', 'Grüße', ''), REPEAT(ELT(1 + (n + 2) % 5, 'plain', '中国', '😀', 'Grüße', ''), 40) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET a = ELT(1 + (@round + 3) % 5, 'plain', '中国', '😀', 'Grüße', ''), b = CONCAT(b, '!'), c = NULL WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, ELT(1 + @round % 5, 'plain', '中国', '😀', 'Grüße', ''), ELT(1 + (@round + 1) % 5, 'plain', '中国', '😀', 'Grüße', ''), REPEAT(ELT(1 + (@round + 2) % 5, 'plain', '中国', '😀', 'Grüße', ''), 40));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, ELT(1 + (2000 + @round) % 5, 'plain', '中国', '😀', 'Grüße', ''), ELT(1 + ((2000 + @round) + 1) % 5, 'plain', '中国', '😀', 'Grüße', ''), REPEAT(ELT(1 + ((2000 + @round) + 2) % 5, 'plain', '中国', '😀', 'Grüße', ''), 40));
DELETE FROM t WHERE id = 2000 + @round - 3;

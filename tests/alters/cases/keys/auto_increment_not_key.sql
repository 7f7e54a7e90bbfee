-- AUTO_INCREMENT on a column besides the primary key.
-- @create
CREATE TABLE t (
  code VARCHAR(30) NOT NULL PRIMARY KEY,
  v INT,
  id INT NOT NULL AUTO_INCREMENT,
  KEY (id)
);
INSERT INTO t (code, v)
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT CONCAT('c', n), n FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
INSERT INTO t (code, v) VALUES (CONCAT('auto', @round), @round);
UPDATE t SET v = v + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE code = CONCAT('c', 1 + @round * 7 % 200);
INSERT INTO t (code, v) VALUES (CONCAT('C', 1 + @round * 7 % 200), @round);
DELETE FROM t WHERE code = CONCAT('auto', @round - 2);
-- @dml after
INSERT INTO t (code) VALUES ('after the swap');

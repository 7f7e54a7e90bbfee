-- A CHECK over a column that is named auto_increment says nothing of the counter, which is carried over.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY AUTO_INCREMENT,
  auto_increment INT NOT NULL,
  v INT NOT NULL DEFAULT 0
);
INSERT INTO t (auto_increment)
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 300)
  SELECT 5 FROM n;
-- @alter
ALTER TABLE t ADD CHECK (auto_increment = 5)
-- @dml
UPDATE t SET v = v + 1 WHERE id % 20 = @round % 20;
-- @dml ready
INSERT INTO t (id, auto_increment) VALUES (9000, 5);
DELETE FROM t WHERE id = 9000;
-- @dml after
INSERT INTO t (auto_increment) VALUES (5);

-- TEXT becomes JSON: documents are normalized as by MySQL.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v TEXT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, CONCAT('{"b" : 1, "a":[1.0,-0.0,1e2,"ä"], "b": ', n, '}') FROM n;
-- @alter
ALTER TABLE t MODIFY v JSON
-- @dml
UPDATE t SET v = '[]' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, CONCAT('{"b" : 1, "a":[1.0,-0.0,1e2,"ä"], "b": ', @round, '}'));
INSERT INTO t VALUES (2000 + @round, CONCAT('{"b" : 1, "a":[1.0,-0.0,1e2,"ä"], "b": ', (2000 + @round), '}'));
DELETE FROM t WHERE id = 2000 + @round - 3;

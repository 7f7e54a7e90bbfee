-- The application's sessions log only the columns they change, and rows go through a procedure.
-- @session SET SESSION binlog_row_image = 'MINIMAL'
-- @create
CREATE TABLE t (id INT PRIMARY KEY, v INT, big TEXT);
INSERT INTO t WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150) SELECT n, n, REPEAT('x', n) FROM n;
DELIMITER //
CREATE PROCEDURE change_one(which INT)
BEGIN
  SELECT id FROM t WHERE id = which;
  UPDATE t SET v = v + 1 WHERE id = which;
END//
DELIMITER ;
-- @alter
ALTER TABLE t MODIFY v BIGINT, ADD KEY v (v)
-- @dml
CALL change_one(1 + @round % 150);

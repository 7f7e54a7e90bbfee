-- Fifty transactions of one row each, through a stored procedure.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT NOT NULL,
  note VARCHAR(100)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, CONCAT('note ', n) FROM n;
DELIMITER //
CREATE PROCEDURE many()
BEGIN
  DECLARE i INT DEFAULT 0;
  WHILE i < 50 DO
    UPDATE t SET v = v + 1 WHERE id = 1 + i * 4;
    SET i = i + 1;
  END WHILE;
END //
DELIMITER ;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7, MODIFY v BIGINT NOT NULL
-- @dml
CALL many();
UPDATE t SET v = v + 1 WHERE id % 25 = @round % 25;

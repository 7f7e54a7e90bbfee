-- A stored procedure with a transaction, a loop and a handler writes the table.
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
CREATE PROCEDURE change_rows(IN round INT)
BEGIN
  DECLARE i INT DEFAULT 0;
  DECLARE CONTINUE HANDLER FOR 1062 UPDATE t SET note = 'was there' WHERE id = 1 + round * 7 % 200;
  START TRANSACTION;
  WHILE i < 10 DO
    UPDATE t SET v = v + 1 WHERE id = 1 + (i * 20 + round) % 200;
    SET i = i + 1;
  END WHILE;
  INSERT INTO t VALUES (1 + round * 7 % 200, round, 'by procedure');
  DELETE FROM t WHERE id = 1 + round * 11 % 200;
  COMMIT;
END //
DELIMITER ;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7, MODIFY v BIGINT NOT NULL
-- @dml
CALL change_rows(@round);
UPDATE t SET v = v + 1 WHERE id = 1 + @round * 3 % 200;

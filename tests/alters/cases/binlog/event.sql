-- An event of the server writes the table; the session waits until it has ended.
-- @global event_scheduler = ON
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT NOT NULL,
  note VARCHAR(100)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, CONCAT('note ', n) FROM n;
CREATE TABLE done (stage INT PRIMARY KEY);
DELIMITER //
CREATE PROCEDURE wait_for_event(IN which INT)
BEGIN
  DECLARE tries INT DEFAULT 0;
  WHILE tries < 600 AND NOT EXISTS (SELECT 1 FROM done WHERE stage = which) DO
    DO SLEEP(0.05);
    SET tries = tries + 1;
  END WHILE;
END //
DELIMITER ;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7, MODIFY v BIGINT NOT NULL
-- @dml
UPDATE t SET v = v + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t VALUES (1 + @round * 7 % 200, @round, 'again');
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 200;
INSERT INTO t VALUES (2000 + @round, @round, REPEAT('x', 100));
DELETE FROM t WHERE id = 2000 + @round - 3;
-- @dml copying
DELIMITER //
CREATE EVENT change_t ON SCHEDULE AT CURRENT_TIMESTAMP DO
BEGIN
  UPDATE t SET v = v + 1, note = 'by event' WHERE id % 10 = 4;
  DELETE FROM t WHERE id % 10 = 5;
  INSERT INTO done VALUES (1);
END //
DELIMITER ;
CALL wait_for_event(1);
-- @dml following
DELIMITER //
CREATE EVENT change_t ON SCHEDULE AT CURRENT_TIMESTAMP DO
BEGIN
  UPDATE t SET v = v + 1, note = 'by event' WHERE id % 10 = 6;
  INSERT INTO t VALUES (5000, 1, 'by event');
  INSERT INTO done VALUES (2);
END //
DELIMITER ;
CALL wait_for_event(2);

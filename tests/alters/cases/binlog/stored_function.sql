-- A stored function writes the table while it is asked for a value.
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
CREATE FUNCTION change_row(which INT) RETURNS INT MODIFIES SQL DATA DETERMINISTIC
BEGIN
  UPDATE t SET v = v + 1 WHERE id = which;
  INSERT INTO t VALUES (which + 1000, 0, 'by function') ON DUPLICATE KEY UPDATE v = t.v + 1;
  RETURN which;
END //
DELIMITER ;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7, MODIFY v BIGINT NOT NULL
-- @dml
SELECT change_row(1 + @round * 7 % 200);
DO change_row(1 + @round * 11 % 200);
UPDATE t SET note = 'x' WHERE id = 1 + @round * 3 % 200;

-- A trigger of another table writes the migrated one.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT NOT NULL,
  note VARCHAR(100)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, CONCAT('note ', n) FROM n;
CREATE TABLE source_of_changes (id INT);
DELIMITER //
CREATE TRIGGER copy_insert AFTER INSERT ON source_of_changes FOR EACH ROW
BEGIN
  UPDATE t SET v = v + 1 WHERE id = NEW.id;
  INSERT INTO t VALUES (NEW.id + 1000, 0, 'by trigger') ON DUPLICATE KEY UPDATE v = t.v + 1;
END //
CREATE TRIGGER copy_delete AFTER DELETE ON source_of_changes FOR EACH ROW
  DELETE FROM t WHERE id = OLD.id //
DELIMITER ;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7, MODIFY v BIGINT NOT NULL
-- @dml
INSERT INTO source_of_changes VALUES (1 + @round * 7 % 200), (1 + (@round * 7 + 100) % 200);
DELETE FROM source_of_changes;

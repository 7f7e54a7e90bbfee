-- Statements prepared by name and executed with parameters.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT NOT NULL,
  note VARCHAR(100)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, CONCAT('note ', n) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7, MODIFY v BIGINT NOT NULL
-- @dml
SET @id = 1 + @round * 7 % 200;
PREPARE change_row FROM 'UPDATE t SET v = v + ? WHERE id = ?';
EXECUTE change_row USING @round, @id;
PREPARE remove_row FROM 'DELETE FROM t WHERE id = ?';
EXECUTE remove_row USING @id;
PREPARE insert_row FROM 'INSERT INTO t VALUES (?, ?, ''prepared'')';
EXECUTE insert_row USING @id, @round;

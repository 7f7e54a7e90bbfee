-- Columns added first, in the middle and last, and one renamed, in one statement.
-- @peers gh-ost: renames need --approve-renamed-columns
-- @create
CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, amount DECIMAL(10, 2) NOT NULL, note VARCHAR(40), KEY amount (amount));
INSERT INTO t (amount, note) WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n * 1.25, CONCAT('note ', n) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN first_one INT NOT NULL DEFAULT 7 FIRST, ADD COLUMN middle VARCHAR(5) AFTER total,
  RENAME COLUMN amount TO total, ADD COLUMN last_one TIMESTAMP(3) NULL
-- @dml
UPDATE t SET amount = amount + 1 WHERE id = 1 + @round % 200;
INSERT INTO t (amount, note) VALUES (@round, 'new');
DELETE FROM t WHERE id = 200 - @round % 50;
-- @dml after
UPDATE t SET total = total + 1, last_one = NOW(3) WHERE id = 100;

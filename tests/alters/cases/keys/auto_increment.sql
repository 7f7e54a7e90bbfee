-- AUTO_INCREMENT: the counter goes on where it was, and the next row gets the number that it would have got.
-- @create
CREATE TABLE t (
  id INT AUTO_INCREMENT PRIMARY KEY,
  code VARCHAR(30),
  v INT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n * 3, CONCAT('c', n), 0 FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
INSERT INTO t (code, v) VALUES (CONCAT('auto', @round), @round), ('second', @round);
UPDATE t SET v = v + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 3 * (1 + @round * 7 % 200);
INSERT INTO t VALUES (3 * (1 + @round * 7 % 200), 'again', @round);
DELETE FROM t WHERE code = CONCAT('auto', @round - 2);
-- @dml after
INSERT INTO t (code) VALUES ('after the swap');

-- Rows are written through an updatable view with another name.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT NOT NULL,
  note VARCHAR(100)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, CONCAT('note ', n) FROM n;
CREATE VIEW shop_window (number, amount) AS SELECT id, v FROM t;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7, MODIFY v BIGINT NOT NULL
-- @dml
UPDATE shop_window SET amount = amount + 1 WHERE number % 25 = @round % 25;
DELETE FROM shop_window WHERE number = 1 + @round * 7 % 200;
INSERT INTO shop_window VALUES (1 + @round * 7 % 200, @round);

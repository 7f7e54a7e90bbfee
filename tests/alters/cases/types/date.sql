-- DATE columns from the year 0001 to 9999, and NULL.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a DATE,
  b DATE NOT NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, IF(n % 5, DATE '2023-12-25' + INTERVAL n DAY, NULL), ELT(1 + n % 3, '0001-01-01', '9999-12-31', '2024-02-29') FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7
-- @dml
UPDATE t SET a = '1000-01-01', b = '1582-10-10' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, IF(@round % 5, DATE '2023-12-25' + INTERVAL @round DAY, NULL), ELT(1 + @round % 3, '0001-01-01', '9999-12-31', '2024-02-29'));
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 150;
INSERT INTO t VALUES (2000 + @round, IF((2000 + @round) % 5, DATE '2023-12-25' + INTERVAL (2000 + @round) DAY, NULL), ELT(1 + (2000 + @round) % 3, '0001-01-01', '9999-12-31', '2024-02-29'));
DELETE FROM t WHERE id = 2000 + @round - 3;

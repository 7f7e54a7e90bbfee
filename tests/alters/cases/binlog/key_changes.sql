-- Keys change and change back, pass through each other, and several times in one transaction.
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
UPDATE t SET id = -id WHERE id % 25 = @round % 25 AND ABS(id) NOT BETWEEN 50 AND 60;
START TRANSACTION;
UPDATE t SET id = 100000 WHERE id = 1 + @round * 7 % 200;
UPDATE t SET id = 100001, v = v + 1 WHERE id = 100000;
UPDATE t SET id = 1 + @round * 7 % 200 WHERE id = 100001;
COMMIT;
START TRANSACTION;
UPDATE t SET id = id + 10000 WHERE id BETWEEN 50 AND 60;
UPDATE t SET id = 10110 - (id - 10000) + 10000 WHERE id BETWEEN 10050 AND 10060;
UPDATE t SET id = id - 20000 WHERE id > 20000;
COMMIT;

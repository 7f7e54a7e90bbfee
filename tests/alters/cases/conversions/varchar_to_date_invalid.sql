-- VARCHAR becomes DATE, and one text is no date.
-- @expect fails Incorrect date value
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v VARCHAR(30)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, '2024-02-29' FROM n;
INSERT INTO t VALUES (900, '2023-02-29');
-- @alter
ALTER TABLE t MODIFY v DATE
-- @dml
UPDATE t SET v = '2000-12-31' WHERE id % 30 = @round % 30 AND id < 900;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, '2024-02-29');
INSERT INTO t VALUES (2000 + @round, '2024-02-29');
DELETE FROM t WHERE id = 2000 + @round - 3;

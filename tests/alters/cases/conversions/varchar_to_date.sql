-- VARCHAR becomes DATE, in several spellings.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v VARCHAR(30)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, ELT(1 + n % 3, '2024-02-29', '20240229', '99-1-2') FROM n;
-- @alter
ALTER TABLE t MODIFY v DATE
-- @dml
UPDATE t SET v = '2000-12-31' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, ELT(1 + @round % 3, '2024-02-29', '20240229', '99-1-2'));
INSERT INTO t VALUES (2000 + @round, ELT(1 + (2000 + @round) % 3, '2024-02-29', '20240229', '99-1-2'));
DELETE FROM t WHERE id = 2000 + @round - 3;

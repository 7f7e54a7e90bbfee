-- JSON becomes LONGTEXT, including values with no plain text form.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v JSON
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, IF(n % 2, JSON_ARRAY(n, CAST(DATE '2024-02-29' AS JSON), CAST(1.10 AS DECIMAL(5,2))), JSON_OBJECT('b', X'00FF', 'a', 'ä')) FROM n;
-- @alter
ALTER TABLE t MODIFY v LONGTEXT
-- @dml
UPDATE t SET v = JSON_ARRAY(@round, NULL) WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, IF(@round % 2, JSON_ARRAY(@round, CAST(DATE '2024-02-29' AS JSON), CAST(1.10 AS DECIMAL(5,2))), JSON_OBJECT('b', X'00FF', 'a', 'ä')));
INSERT INTO t VALUES (2000 + @round, IF((2000 + @round) % 2, JSON_ARRAY((2000 + @round), CAST(DATE '2024-02-29' AS JSON), CAST(1.10 AS DECIMAL(5,2))), JSON_OBJECT('b', X'00FF', 'a', 'ä')));
DELETE FROM t WHERE id = 2000 + @round - 3;

-- A table with a unique key and no primary key gets one on another column.
-- @peers gh-ost: works by a unique key that both tables share; Spirit: needs a primary key; Vitess: keys may differ
-- @create
CREATE TABLE t (
  id INT NOT NULL,
  code VARCHAR(30) NOT NULL,
  created DATETIME NOT NULL,
  v INT NOT NULL,
  UNIQUE KEY by_id (id)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, CONCAT('c', n * 37 % 211), TIMESTAMP '2024-01-01 00:00:00' + INTERVAL n % 17 DAY, 0 FROM n;
-- @alter
ALTER TABLE t ADD PRIMARY KEY (code)
-- @dml
UPDATE t SET v = v + 1 WHERE id % 25 = @round % 25;
SET @id = 1 + @round * 7 % 200;
DELETE FROM t WHERE id = @id;
INSERT INTO t VALUES (@id, CONCAT('c', @id * 37 % 211), '2024-02-01 00:00:00', @round);
UPDATE t SET id = 1000 + @round, code = CONCAT('moved', @round) WHERE id = 1 + @round * 11 % 200;
UPDATE t SET code = UPPER(code), created = created + INTERVAL 1 DAY WHERE id = 1 + @round * 13 % 200;
INSERT INTO t VALUES (2000 + @round, CONCAT('d', @round), '2024-03-01 00:00:00', 1);
DELETE FROM t WHERE id = 2000 + @round - 3;

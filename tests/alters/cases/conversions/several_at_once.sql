-- Ten columns change their types in one statement.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a TINYINT,
  b INT,
  c VARCHAR(10),
  d DATE,
  e DECIMAL(6,3),
  f ENUM('x', 'y'),
  g FLOAT,
  h BIT(4),
  i YEAR,
  j TEXT
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
  SELECT n, n % 100, n, n, DATE '2024-01-01' + INTERVAL n DAY, n / 8, 1 + n % 2, n / 4e0, n % 16, 2000 + n % 100, n FROM n;
-- @alter
ALTER TABLE t MODIFY a INT, MODIFY b VARCHAR(20), MODIFY c BIGINT, MODIFY d DATETIME(2), MODIFY e DECIMAL(10,1), MODIFY f VARCHAR(3), MODIFY g DOUBLE, MODIFY h SMALLINT, MODIFY i CHAR(4), MODIFY j VARBINARY(100)
-- @dml
UPDATE t SET a = 1, b = -1, c = '007', e = 0.05, j = 'ä' WHERE id % 30 = @round % 30;
DELETE FROM t WHERE id = 1 + @round * 7 % 150;
INSERT INTO t VALUES (1 + @round * 7 % 150, @round % 100, @round, @round, DATE '2024-01-01' + INTERVAL @round DAY, @round / 8, 1 + @round % 2, @round / 4e0, @round % 16, 2000 + @round % 100, @round);
INSERT INTO t VALUES (2000 + @round, (2000 + @round) % 100, (2000 + @round), (2000 + @round), DATE '2024-01-01' + INTERVAL (2000 + @round) DAY, (2000 + @round) / 8, 1 + (2000 + @round) % 2, (2000 + @round) / 4e0, (2000 + @round) % 16, 2000 + (2000 + @round) % 100, (2000 + @round));
DELETE FROM t WHERE id = 2000 + @round - 3;

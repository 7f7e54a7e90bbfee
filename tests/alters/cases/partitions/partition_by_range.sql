-- A table is partitioned by RANGE of a date, and the primary key extended for it.
-- @peers gh-ost: not allowed without another shared key; pt-online-schema-change: DROP PRIMARY KEY stops it, unless --no-check-alter; Spirit: the primary key can not be altered
-- @create
CREATE TABLE t (
  id INT NOT NULL,
  a INT NOT NULL,
  b VARCHAR(40),
  c DATE,
  PRIMARY KEY (id)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n * 2, CONCAT('b', n), DATE '2024-01-01' + INTERVAL n DAY FROM n;
-- @alter
ALTER TABLE t MODIFY c DATE NOT NULL, DROP PRIMARY KEY, ADD PRIMARY KEY (id, c)
PARTITION BY RANGE (TO_DAYS(c)) (
  PARTITION old VALUES LESS THAN (TO_DAYS('2024-03-01')),
  PARTITION new VALUES LESS THAN MAXVALUE
)
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t (id, a, b, c) VALUES (1 + @round * 7 % 200, @round, 'x', '2024-04-01');
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 200;
INSERT INTO t (id, a, b, c) VALUES (2000 + @round, @round, 'x', '2024-04-01');
DELETE FROM t WHERE id = 2000 + @round - 3;

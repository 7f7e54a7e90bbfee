-- The application's session has another time zone, character set and sql_mode.
-- @time
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  v INT NOT NULL,
  note VARCHAR(100),
  at TIMESTAMP NULL
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
  SELECT n, n, CONCAT('note ', n), FROM_UNIXTIME(1700000000 + n) FROM n;
-- @alter
ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 7, MODIFY v BIGINT NOT NULL
-- @dml
SET NAMES latin1;
SET SESSION time_zone = '-11:00', sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT';
UPDATE "t" SET v = v + 1, at = FROM_UNIXTIME(1700000000 + @round) WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t VALUES (1 + @round * 7 % 200, @round, 'back\slash' || @round, '2024-01-01 00:00:00');

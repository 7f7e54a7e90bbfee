-- XA: transactions are prepared and committed or rolled back by one session.
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
XA START 'outlast_xa_1', 'branch', 7;
UPDATE t SET v = v + 1 WHERE id % 25 = @round % 25;
INSERT INTO t VALUES (1000 + @round, 1, 'XA');
XA END 'outlast_xa_1', 'branch', 7;
XA PREPARE 'outlast_xa_1', 'branch', 7;
XA COMMIT 'outlast_xa_1', 'branch', 7;
XA START X'6F75746C61737400FF';
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
XA END X'6F75746C61737400FF';
XA PREPARE X'6F75746C61737400FF';
XA ROLLBACK X'6F75746C61737400FF';

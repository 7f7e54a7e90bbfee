-- An added column's default is the current schema, which is another one for each session.
-- @expect refused DATABASE
-- @create
CREATE TABLE t (id INT PRIMARY KEY, a INT);
INSERT INTO t VALUES (1, 1), (2, 2);
-- @alter
ALTER TABLE t ADD c VARCHAR(64) DEFAULT (DATABASE()), MODIFY a BIGINT
-- @dml
UPDATE t SET a = a + 1;

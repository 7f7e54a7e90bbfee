-- The table gets an engine without transactions.
-- @expect refused only InnoDB can be written in transactions
-- @create
CREATE TABLE t (id INT PRIMARY KEY, v INT);
INSERT INTO t VALUES (1, 1), (2, 2);
-- @alter
ALTER TABLE t ENGINE = MyISAM
-- @dml
UPDATE t SET v = v + 1 WHERE id = 1;

-- The table does not exist.
-- @table nowhere
-- @expect refused no table
-- @create
CREATE TABLE t (id INT PRIMARY KEY);
-- @alter
ALTER TABLE nowhere ADD COLUMN x INT

-- The name is that of a temporary table of another session, which nobody else sees.
-- @table hidden
-- @expect refused no table
-- @create
CREATE TEMPORARY TABLE hidden (id INT PRIMARY KEY);
-- @alter
ALTER TABLE hidden ADD COLUMN x INT

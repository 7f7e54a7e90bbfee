-- Statements with comments, odd spacing and mixed letter case.
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
/* a comment */ uPdAtE t SET
  v   =   v+1 -- to the end of the line
 WHERE/**/id%25=@round%25;
# another comment
dElEtE   from `t`   where `t` . `id`=1+@round*7%200;
insert/*x*/into t(id,v,note)values(1+@round*7%200,@round,'; -- /* not a comment');

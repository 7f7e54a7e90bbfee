-- A table with 60 indexes gets three more: with the primary key, the most that MySQL allows.
-- @create
CREATE TABLE t (
  id INT PRIMARY KEY,
  a INT NOT NULL,
  b VARCHAR(40),
  c DATE,
  KEY i0 (b(1), c),
  KEY i1 (b(2), c),
  KEY i2 (b(3), c),
  KEY i3 (b(4), c),
  KEY i4 (b(5), c),
  KEY i5 (b(6), c),
  KEY i6 (b(7), c),
  KEY i7 (b(8), c),
  KEY i8 (b(9), c),
  KEY i9 (b(10), c),
  KEY i10 (b(11), c),
  KEY i11 (b(12), c),
  KEY i12 (b(13), c),
  KEY i13 (b(14), c),
  KEY i14 (b(15), c),
  KEY i15 (b(16), c),
  KEY i16 (b(17), c),
  KEY i17 (b(18), c),
  KEY i18 (b(19), c),
  KEY i19 (b(20), c),
  KEY i20 (b(21), c),
  KEY i21 (b(22), c),
  KEY i22 (b(23), c),
  KEY i23 (b(24), c),
  KEY i24 (b(25), c),
  KEY i25 (b(26), c),
  KEY i26 (b(27), c),
  KEY i27 (b(28), c),
  KEY i28 (b(29), c),
  KEY i29 (b(30), c),
  KEY i30 (b(31), c),
  KEY i31 (b(32), c),
  KEY i32 (b(33), c),
  KEY i33 (b(34), c),
  KEY i34 (b(35), c),
  KEY i35 (b(36), c),
  KEY i36 (b(37), c),
  KEY i37 (b(38), c),
  KEY i38 (b(39), c),
  KEY i39 (b(40), c),
  KEY i40 (b(1), c),
  KEY i41 (b(2), c),
  KEY i42 (b(3), c),
  KEY i43 (b(4), c),
  KEY i44 (b(5), c),
  KEY i45 (b(6), c),
  KEY i46 (b(7), c),
  KEY i47 (b(8), c),
  KEY i48 (b(9), c),
  KEY i49 (b(10), c),
  KEY i50 (b(11), c),
  KEY i51 (b(12), c),
  KEY i52 (b(13), c),
  KEY i53 (b(14), c),
  KEY i54 (b(15), c),
  KEY i55 (b(16), c),
  KEY i56 (b(17), c),
  KEY i57 (b(18), c),
  KEY i58 (b(19), c),
  KEY i59 (b(20), c)
);
INSERT INTO t
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100)
  SELECT n, n, CONCAT('b', n), NULL FROM n;
-- @alter
ALTER TABLE t ADD INDEX (b, a), ADD INDEX (c, a), ADD INDEX (c, b)
-- @dml
UPDATE t SET a = a + 1 WHERE id % 25 = @round % 25;
DELETE FROM t WHERE id = 1 + @round * 7 % 200;
INSERT INTO t (id, a, b, c) VALUES (1 + @round * 7 % 200, @round, CONCAT('r', @round), NULL);
UPDATE t SET id = 1000 + @round WHERE id = 1 + @round * 11 % 200;
INSERT INTO t (id, a, b, c) VALUES (2000 + @round, @round, CONCAT('r', @round), NULL);
DELETE FROM t WHERE id = 2000 + @round - 3;

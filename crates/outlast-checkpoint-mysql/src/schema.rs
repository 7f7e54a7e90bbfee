//! The checkpoint's tables.
//!
//! A key is stored twice over: as the bytes that compare as the server orders it, and as the text it is built from.

use outlast_mysql::Tables;

pub(crate) const TABLES: Tables = Tables {
    part: "checkpoint",
    version: 1,
    definitions: &[POSITIONS, WATERMARKS, COPIED_RANGES],
};

const POSITIONS: &str = "\
CREATE TABLE IF NOT EXISTS _outlast.positions (
  migration CHAR(16) NOT NULL,
  applier INT UNSIGNED NOT NULL,
  position LONGTEXT NOT NULL COMMENT 'GTID set that this applier has accounted for',
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (migration, applier)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
  COMMENT='what is caught up; all times are UTC'";

const WATERMARKS: &str = "\
CREATE TABLE IF NOT EXISTS _outlast.watermarks (
  migration CHAR(16) NOT NULL,
  upto_order LONGBLOB NULL COMMENT 'key up to which all is copied; NULL: nothing, or all if is_complete',
  upto_value LONGTEXT NULL,
  is_complete BOOLEAN NOT NULL COMMENT 'all keys are copied',
  folded_rows BIGINT UNSIGNED NOT NULL COMMENT 'rows copied up to the key',
  PRIMARY KEY (migration)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
  COMMENT='what is copied from the lowest key on'";

/// Ranges are told apart by a digest of their lower bound: keys may be longer than an index of InnoDB holds.
const COPIED_RANGES: &str = "\
CREATE TABLE IF NOT EXISTS _outlast.copied_ranges (
  migration CHAR(16) NOT NULL,
  range_digest BINARY(32) NOT NULL COMMENT 'SHA-256 of the lower bound',
  lower_order LONGBLOB NULL COMMENT 'excluded; NULL: no lower bound',
  lower_value LONGTEXT NULL,
  upper_order LONGBLOB NULL COMMENT 'included; NULL: no upper bound',
  upper_value LONGTEXT NULL,
  rows_copied BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (migration, range_digest)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
  COMMENT='chunks copied beyond the watermark'";

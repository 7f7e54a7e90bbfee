//! The scheduler's tables. All times are UTC; every table has a primary key, as Group Replication demands.

use outlast_mysql::Tables;

pub(crate) const TABLES: Tables = Tables {
    part: "scheduler",
    version: 4,
    definitions: &[MIGRATIONS, FENCE, EVENTS, POLICIES, PATHS, ADOPTIONS, LIMITS],
};

/// `unfinished` makes the server keep the promise that a table has one unfinished migration: NULLs are not unique.
const MIGRATIONS: &str = "\
CREATE TABLE IF NOT EXISTS _outlast.migrations (
  id CHAR(16) NOT NULL,
  statement LONGTEXT NOT NULL,
  schema_name VARCHAR(64) NOT NULL,
  table_name VARCHAR(64) NOT NULL,
  options JSON NOT NULL,
  status VARCHAR(16) NOT NULL COMMENT 'queued, running, complete, failed, cancelled',
  phase VARCHAR(16) NOT NULL COMMENT 'preparing, copying, following, ready, cutting-over',
  owner_agent VARCHAR(255) NULL,
  owner_incarnation VARCHAR(64) NULL COMMENT 'one life of the agent',
  owner_server CHAR(36) NULL COMMENT 'server_uuid of the primary the owner works on',
  epoch BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'grows with every change of owner',
  failovers INT UNSIGNED NOT NULL DEFAULT 0,
  retries INT UNSIGNED NOT NULL DEFAULT 0,
  complete_requested BOOLEAN NOT NULL DEFAULT FALSE,
  cancel_requested BOOLEAN NOT NULL DEFAULT FALSE,
  message TEXT NOT NULL,
  rows_copied BIGINT UNSIGNED NOT NULL DEFAULT 0,
  table_rows BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'estimate',
  eta_seconds BIGINT UNSIGNED NULL,
  liveness DATETIME(6) NOT NULL COMMENT 'last sign of life of the owner',
  submitted_at DATETIME(6) NOT NULL,
  retried_at DATETIME(6) NULL COMMENT 'queued again by a user, the last time',
  started_at DATETIME(6) NULL COMMENT 'first adoption',
  adopted_at DATETIME(6) NULL COMMENT 'last adoption',
  copying_at DATETIME(6) NULL COMMENT 'this phase was entered, the last time',
  following_at DATETIME(6) NULL,
  ready_at DATETIME(6) NULL,
  cutting_over_at DATETIME(6) NULL,
  ended_at DATETIME(6) NULL,
  unfinished TINYINT GENERATED ALWAYS AS (IF(status IN ('queued', 'running'), 1, NULL)) STORED,
  PRIMARY KEY (id),
  UNIQUE KEY one_unfinished_per_table (schema_name, table_name, unfinished),
  KEY by_age (submitted_at)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
  COMMENT='schema migrations; all times are UTC'";

/// A table of its own, written only by changes of owner: what writers read FOR SHARE must not be what they update.
const FENCE: &str = "\
CREATE TABLE IF NOT EXISTS _outlast.fence (
  migration CHAR(16) NOT NULL,
  epoch BIGINT UNSIGNED NOT NULL,
  incarnation VARCHAR(64) NOT NULL COMMENT 'empty: nobody may write for this migration',
  server_uuid VARCHAR(36) NOT NULL,
  PRIMARY KEY (migration)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
  COMMENT='who may write for a migration'";

const EVENTS: &str = "\
CREATE TABLE IF NOT EXISTS _outlast.events (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  migration CHAR(16) NOT NULL,
  at DATETIME(6) NOT NULL,
  epoch BIGINT UNSIGNED NOT NULL,
  agent VARCHAR(255) NOT NULL COMMENT 'empty: a user',
  server_uuid CHAR(36) NOT NULL,
  kind VARCHAR(64) NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (id),
  KEY by_migration (migration, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
  COMMENT='history of the migrations; all times are UTC'";

const POLICIES: &str = "\
CREATE TABLE IF NOT EXISTS _outlast.policies (
  digest CHAR(64) NOT NULL COMMENT 'SHA-256 of the component, hexadecimal',
  name VARCHAR(255) NOT NULL,
  component LONGBLOB NOT NULL,
  PRIMARY KEY (digest)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
  COMMENT='policy components that migrations use'";

/// Since version 2. A table of its own, so that an earlier version's tables need not be altered.
const PATHS: &str = "\
CREATE TABLE IF NOT EXISTS _outlast.paths (
  migration CHAR(16) NOT NULL,
  path VARCHAR(16) NOT NULL COMMENT 'instant, in-place, copy',
  statement LONGTEXT NULL COMMENT 'what is run on the table itself; NULL: it is copied',
  definition_before LONGTEXT NULL COMMENT 'of the table, without its AUTO_INCREMENT counter',
  definition_after LONGTEXT NULL COMMENT 'found: the statement has been run',
  chosen_at DATETIME(6) NOT NULL,
  PRIMARY KEY (migration)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
  COMMENT='how new definitions get into place; all times are UTC'";

/// Since version 3, likewise.
const ADOPTIONS: &str = "\
CREATE TABLE IF NOT EXISTS _outlast.adoptions (
  migration CHAR(16) NOT NULL,
  server_uuid CHAR(36) NOT NULL COMMENT 'the server of the last adoption',
  executed LONGTEXT NOT NULL COMMENT 'its gtid_executed by then',
  binlog_end VARCHAR(512) NOT NULL COMMENT 'its binlog by then, as file:position',
  PRIMARY KEY (migration)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
  COMMENT='what copies could see'";

/// Since version 4. A table of its own, so that an earlier version's tables need not be altered.
const LIMITS: &str = "\
CREATE TABLE IF NOT EXISTS _outlast.limits (
  scope CHAR(16) NOT NULL COMMENT 'a migration, or empty: all of them',
  limits JSON NOT NULL,
  set_at DATETIME(6) NOT NULL,
  PRIMARY KEY (scope)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
  COMMENT='what migrations must not add to; all times are UTC'";

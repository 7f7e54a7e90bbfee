//! What a server must be like to be the primary of a migration, now or after a failover.

use outlast_core::{Error, ErrorKind, Result};

use crate::session::Session;

/// Why a server can't be the primary of a migration, as far as its version and its settings tell; `None` if it can.
///
/// Says what mends it, but not which server it is.
///
/// # Errors
/// Those of the server.
pub async fn unfit(session: &mut Session) -> Result<Option<String>> {
    let (version, gtid_mode, log_bin, format): (String, String, u8, String) = session
        .value("SELECT @@version, @@GLOBAL.gtid_mode, @@GLOBAL.log_bin, @@GLOBAL.binlog_format")
        .await?;
    // It had another name before 8.0.26.
    let logs_replicated: String = session
        .value(
            "SELECT VARIABLE_VALUE FROM performance_schema.global_variables \
             WHERE VARIABLE_NAME IN ('log_replica_updates', 'log_slave_updates') LIMIT 1",
        )
        .await?;
    Ok(if session.server_version() < (8, 0, 22) {
        Some(format!(
            "the server is MySQL {version}; Outlast works with 8.0.22 and later"
        ))
    } else if gtid_mode != "ON" {
        Some(format!(
            "gtid_mode is {gtid_mode}; without GTIDs a migration can't go on at another server. On every server, run SET \
             PERSIST enforce_gtid_consistency = ON, then SET PERSIST gtid_mode = OFF_PERMISSIVE, ON_PERMISSIVE and ON, each \
             on all servers before the next"
        ))
    } else if log_bin == 0 {
        Some(
            "the binlog is off (log_bin); changes can't be followed without it. Restart the server without skip_log_bin"
                .to_owned(),
        )
    } else if format != "ROW" {
        Some(format!(
            "binlog_format is {format}; changes are followed row by row. Run SET PERSIST binlog_format = 'ROW' (on a \
             replica, between STOP REPLICA SQL_THREAD and START REPLICA SQL_THREAD) and reconnect the application"
        ))
    } else if logs_replicated != "ON" {
        Some(
            "log_replica_updates is off; after a failover the new primary's binlog would lack changes. Restart the server \
             with log_replica_updates=ON"
                .to_owned(),
        )
    } else {
        None
    })
}

/// Refuses what is no MySQL.
pub(crate) fn check_product(address: &str, version: &str) -> Result<()> {
    if version.to_lowercase().contains("mariadb") {
        return Err(Error::new(
            ErrorKind::Refused,
            format!("{address} is MariaDB {version}; Outlast works with MySQL 8.0.22 and later"),
        ));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn mariadb_is_refused_however_it_calls_itself() {
        for version in ["11.8.2-MariaDB", "5.5.5-10.6.18-MariaDB-log", "10.11.6-mariadb-1"] {
            let error = check_product("db1:3306", version).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Refused);
            assert!(error.message().contains("db1:3306 is MariaDB"), "{error}");
        }
        for version in ["8.0.22", "9.7.4-1", "8.0.36-28 Percona Server"] {
            assert!(check_product("db1:3306", version).is_ok(), "{version}");
        }
    }
}

//! Whether the disk has room for a copy: an estimate, against what is free where the server's files are.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use outlast_core::{Error, ErrorKind, Result, stream::Space};
use outlast_mysql::{Session, quote};

/// What a file system has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Free {
    /// Tells file systems apart.
    device: u64,
    bytes: u64,
}

/// Estimates what a copy of the table takes, and reads what is free if the server runs on this machine.
///
/// # Errors
/// `Refused` if it does not fit, unless that is to be `ignored`.
pub(crate) async fn check(session: &mut Session, schema: &str, table: &str, ignored: bool) -> Result<Space> {
    let (data, indexes): (Option<u64>, Option<u64>) = session
        .value(&format!(
            "SELECT DATA_LENGTH, INDEX_LENGTH FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
            quote::text(schema),
            quote::text(table)
        ))
        .await?;
    let data = data.unwrap_or(0);
    let mut space = Space {
        table: data.saturating_add(indexes.unwrap_or(0)),
        binlog: data,
        free: None,
    };
    let (directory, binlog, uuid): (String, Option<String>, String) = session
        .value("SELECT @@GLOBAL.datadir, @@GLOBAL.log_bin_basename, @@server_uuid")
        .await?;
    let directory = PathBuf::from(directory);
    if !is_of(&directory, &uuid) {
        return Ok(space);
    }
    let Some(for_data) = free(&directory) else {
        return Ok(space);
    };
    let binlogs = binlog.as_deref().and_then(|base| Path::new(base).parent());
    let for_binlog = binlogs.and_then(free);
    space.free = Some(for_data.bytes);
    match lack(&space, for_data, for_binlog) {
        Some(lack) if !ignored => Err(Error::new(
            ErrorKind::Refused,
            format!(
                "a copy of {} does not fit on {}: {lack}. A full disk stops the server. Make room, or use \
                 --ignore-disk-space if you know better; nothing was changed",
                quote::table(schema, table),
                session.address()
            ),
        )),
        Some(lack) => {
            tracing::warn!(
                schema,
                table,
                "the copy may not fit, as asked for it is begun nevertheless: {lack}"
            );
            Ok(space)
        }
        None => Ok(space),
    }
}

/// Bytes that are free where the server has its data; `None` if it does not run on this machine.
///
/// # Errors
/// Those of the server.
pub(crate) async fn free_for_data(session: &mut Session) -> Result<Option<u64>> {
    let (directory, uuid): (String, String) = session.value("SELECT @@GLOBAL.datadir, @@server_uuid").await?;
    let directory = PathBuf::from(directory);
    Ok(match is_of(&directory, &uuid) {
        true => free(&directory).map(|free| free.bytes),
        false => None,
    })
}

/// Whether this data directory, on this machine, is that of the server with this uuid. A host name proves nothing: there
/// are containers, tunnels and proxies.
fn is_of(directory: &Path, uuid: &str) -> bool {
    let Ok(text) = std::fs::read_to_string(directory.join("auto.cnf")) else {
        return false;
    };
    text.lines()
        .filter_map(|line| line.split_once('='))
        .any(|(name, value)| name.trim().replace('_', "-") == "server-uuid" && value.trim() == uuid)
}

fn free(directory: &Path) -> Option<Free> {
    let device = std::fs::metadata(directory).ok()?.dev();
    let status = rustix::fs::statvfs(directory).ok()?;
    Some(Free {
        device,
        bytes: status.f_bavail.saturating_mul(status.f_frsize),
    })
}

/// What does not fit, with all numbers; `None` if everything does. A binlog whose place is unknown is taken to fit there.
fn lack(space: &Space, for_data: Free, for_binlog: Option<Free>) -> Option<String> {
    let table = format!("the new table takes about {}", shown(space.table));
    let binlog = format!("the binlog of the copy about {}", shown(space.binlog));
    match for_binlog {
        Some(apart) if apart.device != for_data.device => {
            let mut lacks = Vec::new();
            if space.table > for_data.bytes {
                lacks.push(format!("{table}, and {} are free for data", shown(for_data.bytes)));
            }
            if space.binlog > apart.bytes {
                lacks.push(format!("{binlog}, and {} are free for binlogs", shown(apart.bytes)));
            }
            (!lacks.is_empty()).then(|| lacks.join("; "))
        }
        Some(_) => (space.table.saturating_add(space.binlog) > for_data.bytes)
            .then(|| format!("{table} and {binlog}, and {} are free", shown(for_data.bytes))),
        None => (space.table > for_data.bytes).then(|| format!("{table}, and {} are free", shown(for_data.bytes))),
    }
}

/// `3.2 GiB`.
pub(crate) fn shown(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn on(device: u64, mib: u64) -> Free {
        Free {
            device,
            bytes: mib * MIB,
        }
    }

    #[test]
    fn table_and_binlog_on_one_disk_must_fit_together() {
        let space = Space {
            table: 30 * MIB,
            binlog: 20 * MIB,
            free: None,
        };
        assert_eq!(lack(&space, on(1, 50), Some(on(1, 50))), None);
        let why = lack(&space, on(1, 49), Some(on(1, 49))).unwrap();
        assert_eq!(
            why,
            "the new table takes about 30.0 MiB and the binlog of the copy about 20.0 MiB, and 49.0 MiB are free"
        );
    }

    #[test]
    fn binlogs_on_a_disk_of_their_own_must_fit_there() {
        let space = Space {
            table: 30 * MIB,
            binlog: 20 * MIB,
            free: None,
        };
        assert_eq!(lack(&space, on(1, 30), Some(on(2, 20))), None);
        let why = lack(&space, on(1, 29), Some(on(2, 20))).unwrap();
        assert!(
            why.contains("29.0 MiB are free for data") && !why.contains("binlogs"),
            "{why}"
        );
        let why = lack(&space, on(1, 30), Some(on(2, 19))).unwrap();
        assert!(
            why.contains("19.0 MiB are free for binlogs") && !why.contains("for data"),
            "{why}"
        );
    }

    #[test]
    fn what_can_not_be_summed_up_does_not_fit() {
        let space = Space {
            table: u64::MAX,
            binlog: u64::MAX,
            free: None,
        };
        assert!(lack(&space, on(1, 1 << 30), Some(on(1, 1 << 30))).is_some());
        assert!(lack(&space, on(1, 1 << 30), None).is_some());
    }

    #[test]
    fn a_data_directory_is_known_by_the_uuid_in_it() {
        let directory = std::env::temp_dir().join(format!("outlast-space-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        assert!(!is_of(&directory, "a-b"));
        std::fs::write(directory.join("auto.cnf"), "[auto]\nserver-uuid=a-b\n").unwrap();
        assert!(is_of(&directory, "a-b"));
        assert!(!is_of(&directory, "a-c"));
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn sizes_are_shown_in_fitting_units() {
        assert_eq!(shown(16 << 10), "16.0 KiB");
        assert_eq!(shown(3 << 30), "3.0 GiB");
    }
}

//! Where clusters keep their data.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Names the folder for those who want another one.
const VARIABLE: &str = "OUTLAST_TESTBED_FOLDER";
/// Where Linux offers files in memory.
const MEMORY: &str = "/dev/shm";
/// What has to be free, of the file system and of the memory, before servers are put there: a dozen of them, data and
/// buffers, and the compiler beside.
const ENOUGH_BYTES: u64 = 12 << 30;

/// The folder for the clusters of this process: `OUTLAST_TESTBED_FOLDER`, or files in memory where there is plenty of it, or
/// the system's folder for temporary files.
///
/// Only processes die here, never machines, and what a killed server has written is there after its restart on either. On a
/// slow disk, a server may take a minute to start, and a scenario that times out tells of the disk.
pub(crate) fn for_clusters() -> PathBuf {
    if let Some(folder) = env::var_os(VARIABLE).filter(|folder| !folder.is_empty()) {
        return folder.into();
    }
    let memory = Path::new(MEMORY);
    match free_of(memory).min(available_memory()) {
        Some(free) if free >= ENOUGH_BYTES => memory.to_owned(),
        _ => env::temp_dir(),
    }
}

/// The free bytes of a file system; `None` where there is none that can be written.
fn free_of(folder: &Path) -> Option<u64> {
    let is_writable = rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok();
    let of = rustix::fs::statvfs(folder).ok().filter(|_| is_writable)?;
    Some(of.f_bavail.saturating_mul(of.f_frsize))
}

/// What programs can still get without swapping, as Linux says it.
fn available_memory() -> Option<u64> {
    available_in(&fs::read_to_string("/proc/meminfo").ok()?)
}

fn available_in(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_read_in_bytes() {
        assert_eq!(
            available_in("MemTotal:  8 kB\nMemAvailable:   16 kB\nBuffers: 1 kB\n"),
            Some(16 * 1024)
        );
        assert_eq!(available_in("MemTotal:  8 kB\n"), None);
        assert_eq!(available_in("MemAvailable: many\n"), None);
    }

    #[test]
    fn what_does_not_exist_has_nothing_free() {
        assert_eq!(free_of(Path::new("/dev/shm/there/is/no/such/folder")), None);
    }
}

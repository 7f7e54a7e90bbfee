//! Temporary directories that never outlive the process that made them.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use tempfile::TempDir;

/// Waits for the end of its input, which is that of the process at the other end. The servers that write here are killed
/// at that moment, and may take a little longer.
const REMOVE_AT_THE_END: &str = r#"read -r nothing; umount --lazy "$1"/*/data "$1"/*/binlogs 2>/dev/null; for attempt in 1 2 3 4 5; do rm -rf -- "$1" && break; sleep 1; done"#;

/// A temporary directory; removed when dropped.
///
/// Where the system has a shell, it is also removed when this process ends without dropping it, as it does with what is in
/// a `static`, or when it is killed.
#[derive(Debug)]
pub(crate) struct Directory {
    // Declared first, so that it is gone before the name is free again.
    _janitor: Option<Janitor>,
    directory: TempDir,
}

impl Directory {
    pub(crate) fn create_in(folder: &Path) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("outlast-")
            .tempdir_in(folder)
            .context("creating a directory for the cluster")?;
        let janitor = Janitor::of(directory.path());
        if let Err(error) = &janitor {
            tracing::warn!("{} may be left behind: {error:#}", directory.path().display());
        }
        Ok(Self {
            _janitor: janitor.ok(),
            directory,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Lets the directory outlive everything.
    pub(crate) fn keep(self) {
        let _ = self.directory.keep();
    }
}

/// A shell that removes a directory when this process ends.
#[derive(Debug)]
struct Janitor(Child);

impl Janitor {
    fn of(directory: &Path) -> Result<Self> {
        let shell = Command::new("sh")
            .args(["-c", REMOVE_AT_THE_END, "sh"])
            .arg(directory)
            // Ctrl-C at a terminal must not reach it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        shell.map(Self).context("starting a shell")
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        // Both fail only if somebody else has ended it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

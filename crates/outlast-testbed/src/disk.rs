//! Small disks that can be full: file systems in memory, mounted where a node keeps its data or its binlogs.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

const FILLER: &str = "outlast-filler";
const STEP_BYTES: usize = 64 * 1024;

/// What of a node lies on a small disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmallDisk {
    /// Its binlogs.
    Binlogs,
    /// Its data directory, without the binlogs.
    Data,
}

impl SmallDisk {
    /// Whether this process may mount file systems; if not, why.
    ///
    /// # Errors
    ///
    /// When it may not: with the reason.
    pub fn is_available() -> Result<()> {
        let folder = tempfile::tempdir().context("creating a directory to mount on")?;
        Mount::new(folder.path(), 1).map(drop)
    }

    pub(crate) fn megabytes(self) -> usize {
        match self {
            Self::Binlogs => 200,
            // What a fresh server has takes half of it.
            Self::Data => 500,
        }
    }
}

/// A mounted file system in memory; unmounted when dropped.
#[derive(Debug)]
pub(crate) struct Mount {
    path: PathBuf,
}

impl Mount {
    /// Mounts an empty file system of this size on a directory.
    pub(crate) fn new(path: &Path, megabytes: usize) -> Result<Self> {
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(path)
            .stdin(Stdio::null())
            .output()
            .context("starting mount")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "mounting a file system: {}", said.trim());
        Ok(Self { path: path.to_owned() })
    }

    /// Takes all the space that is left.
    pub(crate) fn fill(&self) -> Result<()> {
        let path = self.path.join(FILLER);
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("creating {}", path.display()))?;
        let zeros = vec![0; STEP_BYTES];
        loop {
            match file.write(&zeros) {
                Ok(0) => bail!("{} takes no more and says nothing", path.display()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error).with_context(|| format!("filling {}", path.display())),
            }
        }
    }

    /// Gives the space back.
    pub(crate) fn free(&self) -> Result<()> {
        let path = self.path.join(FILLER);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("removing {}", path.display()))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a server that was killed a moment ago may still be on its way out.
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(&self.path)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

/// Removes what is in a directory; the directory itself may be a mounted file system.
pub(crate) fn empty(path: &Path) -> Result<()> {
    for entry in fs::read_dir(path).with_context(|| format!("reading {}", path.display()))? {
        let entry = entry?.path();
        let removed = match entry.is_dir() {
            true => fs::remove_dir_all(&entry),
            false => fs::remove_file(&entry),
        };
        removed.with_context(|| format!("removing {}", entry.display()))?;
    }
    Ok(())
}

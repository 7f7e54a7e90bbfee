//! Finds a MySQL server to run, and keeps an initialised data directory that every node starts from a copy of.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::accounts;
use crate::debian::{self, output};

/// The oldest server the testbed can run: the first that knows the options and plugins named `replica` and `source`.
const OLDEST: Version = Version {
    major: 8,
    minor: 0,
    patch: 26,
};

/// Part of the template's name: raise it whenever [`Distribution::initialise`] would create something else.
const TEMPLATE_RECIPE: u32 = 4;

const WAYS_OUT: &str = "no MySQL server to test with. Any one of these helps:\n  \
    - set OUTLAST_MYSQLD to the path of a mysqld (MySQL 8.0.26 or later, not MariaDB);\n  \
    - put such a mysqld on PATH;\n  \
    - on Debian or Ubuntu with apt-get and a reachable mirror, do nothing: it is unpacked into the target directory, \
    without installing anything";

/// The version of a server, as in 8.4.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 8 in 8.4.3.
    pub major: u32,
    /// 4 in 8.4.3.
    pub minor: u32,
    /// 3 in 8.4.3.
    pub patch: u32,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A MySQL server program that can be started any number of times, and a data directory to start it from.
#[derive(Debug, Clone)]
pub struct Distribution {
    program: Program,
    version: Version,
    template: PathBuf,
}

#[derive(Debug, Clone)]
enum Program {
    /// Installed: its libraries are the system's.
    Installed(PathBuf),
    /// Unpacked below this directory: run by its own loader with its own libraries, because the system's are older.
    Unpacked {
        root: PathBuf,
        loader: PathBuf,
        libraries: String,
    },
}

impl Distribution {
    /// Finds a server: `OUTLAST_MYSQLD`, else `mysqld` on PATH, else the distribution's packages unpacked into the target
    /// directory. The first time it downloads (some 100 MB) and initialises a data directory, and tells `report` what it
    /// is doing; afterwards it takes milliseconds. Blocks; safe to call from several processes at once.
    ///
    /// # Errors
    ///
    /// When `OUTLAST_MYSQLD` names something unusable, or when none of the three ways works: the message lists them.
    pub fn find_or_unpack(report: &dyn Fn(&str)) -> Result<Self> {
        let cache = cache_directory();
        fs::create_dir_all(&cache).with_context(|| format!("creating {}", cache.display()))?;
        let (program, version) = match find_installed()? {
            Some(found) => found,
            None => unpacked(&cache, report).context(WAYS_OUT)?,
        };
        let template = cache.join(format!("template-{version}-{TEMPLATE_RECIPE}"));
        let found = Self {
            program,
            version,
            template,
        };
        found.ensure_template(&cache, report)?;
        Ok(found)
    }

    /// What `mysqld --version` says.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// A `mysqld` that reads no option file; the caller adds its options.
    #[must_use]
    pub fn mysqld(&self) -> Command {
        let mut command = self.program.command();
        command.arg("--no-defaults");
        if let Program::Unpacked { root, .. } = &self.program {
            let root = root.display();
            command.args([
                format!("--basedir={root}/usr"),
                format!("--lc-messages-dir={root}/usr/share/mysql"),
                format!("--plugin-dir={root}/usr/lib/mysql/plugin"),
            ]);
        }
        if rustix::process::geteuid().is_root() {
            command.arg("--user=root");
        }
        command
    }

    /// Makes `data`, which must not exist, a data directory that has the testbed's [`accounts`] and no GTIDs. Blocks.
    ///
    /// # Errors
    ///
    /// When the copy fails: the disk is full, or `data` exists.
    pub fn create_data_directory(&self, data: &Path) -> Result<()> {
        copy_directory(&self.template, data)
            .with_context(|| format!("copying {} to {}", self.template.display(), data.display()))
    }

    fn ensure_template(&self, cache: &Path, report: &dyn Fn(&str)) -> Result<()> {
        if self.template.exists() {
            return Ok(());
        }
        let _lock = lock(cache)?;
        if self.template.exists() {
            return Ok(());
        }
        report(&format!("MySQL: initialising a data directory of {}", self.version));
        let staging = tempfile::Builder::new()
            .prefix("initialise-")
            .tempdir_in(cache)
            .context("creating a work directory")?;
        let data = self.initialise(staging.path())?;
        fs::rename(&data, &self.template).with_context(|| format!("renaming to {}", self.template.display()))
    }

    fn initialise(&self, work: &Path) -> Result<PathBuf> {
        let data = work.join("data");
        let accounts = work.join("accounts.sql");
        fs::write(&accounts, accounts::creation_script()).with_context(|| format!("writing {}", accounts.display()))?;
        let mut create = self.mysqld();
        create
            .arg("--initialize-insecure")
            .arg(format!("--datadir={}", data.display()))
            .arg("--secure-file-priv=");
        output(&mut create).context("initialising a data directory")?;
        // --initialize can't create accounts: a first run does, ends by itself, and leaves no GTIDs behind.
        let mut first_run = self.mysqld();
        first_run.args([
            format!("--datadir={}", data.display()),
            format!("--init-file={}", accounts.display()),
            format!("--pid-file={}", work.join("pid").display()),
            "--skip-networking".to_owned(),
            "--socket=".to_owned(),
            "--mysqlx=OFF".to_owned(),
            "--skip-log-bin".to_owned(),
            "--secure-file-priv=".to_owned(),
        ]);
        output(&mut first_run).context("creating the accounts")?;
        fs::remove_file(data.join("auto.cnf")).context("removing the identity of the template")?;
        Ok(data)
    }
}

impl Program {
    fn command(&self) -> Command {
        match self {
            Self::Installed(path) => Command::new(path),
            Self::Unpacked {
                root,
                loader,
                libraries,
            } => {
                let mut command = Command::new(loader);
                command
                    .arg("--library-path")
                    .arg(libraries)
                    .arg(root.join("usr/sbin/mysqld"));
                command
            }
        }
    }

    fn version(&self) -> Result<Version> {
        let text = output(self.command().args(["--no-defaults", "--version"]))?;
        ensure!(
            !text.contains("MariaDB"),
            "it is MariaDB, which Outlast doesn't support: {}",
            text.trim()
        );
        let version = parse_version(&text).with_context(|| format!("no version in {:?}", text.trim()))?;
        ensure!(
            version >= OLDEST,
            "it is MySQL {version}; the testbed needs {OLDEST} or later"
        );
        Ok(version)
    }
}

fn find_installed() -> Result<Option<(Program, Version)>> {
    if let Some(path) = env::var_os("OUTLAST_MYSQLD").filter(|path| !path.is_empty()) {
        let program = Program::Installed(PathBuf::from(path));
        let version = program
            .version()
            .context("OUTLAST_MYSQLD doesn't name a usable mysqld")?;
        return Ok(Some((program, version)));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    // A user's PATH often lacks the directories where packages put servers.
    let directories = env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    for candidate in directories
        .map(|directory| directory.join("mysqld"))
        .filter(|path| path.is_file())
    {
        let program = Program::Installed(candidate);
        match program.version() {
            Ok(version) => return Ok(Some((program, version))),
            Err(error) => tracing::info!(?program, "passing over a mysqld: {error:#}"),
        }
    }
    Ok(None)
}

fn unpacked(cache: &Path, report: &dyn Fn(&str)) -> Result<(Program, Version)> {
    let root = cache.join("unpacked");
    if !root.exists() {
        let _lock = lock(cache)?;
        if !root.exists() {
            let staging = cache.join(format!("unpacking-{}", std::process::id()));
            if staging.exists() {
                fs::remove_dir_all(&staging).with_context(|| format!("removing {}", staging.display()))?;
            }
            debian::unpack(&staging, report)?;
            fs::rename(&staging, &root).with_context(|| format!("renaming to {}", root.display()))?;
        }
    }
    let (loader, directory) = find_loader(&root)?;
    let libraries = format!("{}:{}/usr/lib/mysql/private", directory.display(), root.display());
    let program = Program::Unpacked {
        root,
        loader,
        libraries,
    };
    let version = program.version().context("the unpacked server doesn't run")?;
    Ok((program, version))
}

/// The dynamic loader below `root` and the directory of its libraries: `usr/lib/<architecture>/ld-linux-*`.
fn find_loader(root: &Path) -> Result<(PathBuf, PathBuf)> {
    let libraries = root.join("usr/lib");
    for directory in fs::read_dir(&libraries).with_context(|| format!("listing {}", libraries.display()))? {
        let directory = directory?.path();
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("ld-linux-") {
                return Ok((entry.path(), directory));
            }
        }
    }
    bail!(
        "no dynamic loader in {}; remove {} to unpack it again",
        libraries.display(),
        root.display()
    )
}

/// `<target>/mysql` of the workspace, so that `cargo clean` removes it; the temporary directory where there is no target.
fn cache_directory() -> PathBuf {
    if let Some(target) = env::var_os("CARGO_TARGET_DIR").filter(|target| !target.is_empty()) {
        return std::path::absolute(&target)
            .unwrap_or(PathBuf::from(target))
            .join("mysql");
    }
    let mut ancestors = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|above| above.join("target"));
    match ancestors.find(|target| target.is_dir()) {
        Some(target) => target.join("mysql"),
        None => env::temp_dir().join("outlast-mysql"),
    }
}

/// Holds the cache for this process until the file is dropped. The system frees it even if the process is killed.
fn lock(cache: &Path) -> Result<File> {
    let path = cache.join("lock");
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    file.lock().with_context(|| format!("locking {}", path.display()))?;
    Ok(file)
}

/// Copies what is in a directory; makes the new one if there is none.
pub(crate) fn copy_directory(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_directory(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Finds `8.4.3` in `mysqld  Ver 8.4.3-2 for Linux on x86_64`.
fn parse_version(text: &str) -> Option<Version> {
    let (_, rest) = text.split_once("Ver ")?;
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some(Version {
        major: next()?,
        minor: next()?,
        patch: next()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        let debian = Some(Version {
            major: 9,
            minor: 7,
            patch: 4,
        });
        assert_eq!(
            parse_version("/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))"),
            debian
        );
        assert!(debian > Some(OLDEST));
        let old = parse_version("mysqld  Ver 8.0.19 for Linux");
        assert!(old.is_some() && old < Some(OLDEST));
        assert_eq!(parse_version("no version here"), None);
    }
}

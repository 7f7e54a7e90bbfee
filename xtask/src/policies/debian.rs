//! Debian's own Rust for the web: rustc-web, cargo-web, rust-web-src, and the linker of the same LLVM.
//!
//! The packages are unpacked into a folder and run from there; nothing is installed, and no root is needed. They come from
//! the archives that the machine's apt already uses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::toolchain::output;

/// A folder laid out like `/`, in which Debian's toolchain stands.
pub(super) struct Root(PathBuf);

impl Root {
    /// The toolchain in `unpacked`; else, the one that is installed; else unpacks it.
    pub(super) fn find_or_unpack(unpacked: &Path) -> Result<Self> {
        for root in [unpacked, Path::new("/")] {
            let root = Self(root.to_owned());
            if root.is_complete() {
                return Ok(root);
            }
        }
        let partial = unpacked.with_extension("partial");
        remove(&partial)?;
        remove(unpacked)?;
        fs::create_dir_all(&partial)?;
        eprintln!(
            "unpacking Debian's toolchain for WebAssembly into {}",
            unpacked.display()
        );
        unpack(&partial).context("unpacking Debian's toolchain for WebAssembly")?;
        fs::rename(&partial, unpacked)?;
        Ok(Self(unpacked.to_owned()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn rustc(&self) -> PathBuf {
        self.0.join("usr/bin/rustc")
    }

    pub(super) fn cargo(&self) -> PathBuf {
        self.0.join("usr/bin/cargo")
    }

    /// The standard library's source, by the path that the compiler gets from cargo.
    pub(super) fn std_source(&self) -> PathBuf {
        self.0.join("usr/lib/rustlib/src/rust")
    }

    /// The linker for WebAssembly; its name carries the version of LLVM.
    pub(super) fn linker(&self) -> Result<PathBuf> {
        let bin = self.0.join("usr/bin");
        let mut linkers = Vec::new();
        for entry in fs::read_dir(&bin).with_context(|| format!("reading {}", bin.display()))? {
            let path = entry?.path();
            if path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("wasm-ld-"))
            {
                linkers.push(path);
            }
        }
        linkers.sort();
        linkers
            .pop()
            .with_context(|| format!("no wasm-ld in {}", bin.display()))
    }

    /// A command that finds the libraries of this root.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if self.0 != Path::new("/") {
            let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
            command.env("LD_LIBRARY_PATH", self.0.join("usr/lib").join(triplet));
        }
        command
    }

    fn is_complete(&self) -> bool {
        self.rustc().is_file()
            && self.cargo().is_file()
            && self.std_source().join("library/Cargo.lock").is_file()
            && self.linker().is_ok()
    }
}

fn unpack(root: &Path) -> Result<()> {
    let apt = Apt::new(root.join("apt"))?;
    apt.unpack(&["rustc-web", "cargo-web", "rust-web-src"], root)?;
    let compiler = Root(root.to_owned());
    let version = output(compiler.command(&compiler.rustc()).args(["--version", "--verbose"]))?;
    let llvm = version.lines().find_map(|line| line.strip_prefix("LLVM version: "));
    let major = llvm
        .and_then(|llvm| llvm.split('.').next())
        .context("rustc doesn't name its LLVM")?;
    apt.unpack(&[&format!("lld-{major}")], root)?;
    ensure!(compiler.is_complete(), "the packages don't hold what they used to");
    remove(&root.join("apt"))
}

/// apt with lists and a cache of its own, so that it needs no root and leaves the machine's alone.
struct Apt {
    options: Vec<String>,
    debs: PathBuf,
}

impl Apt {
    fn new(dir: PathBuf) -> Result<Self> {
        let debs = dir.join("debs");
        for sub in ["lists/partial", "cache/archives/partial", "debs"] {
            fs::create_dir_all(dir.join(sub))?;
        }
        let settings = [
            format!("Dir::State::Lists={}", dir.join("lists").display()),
            format!("Dir::Cache={}", dir.join("cache").display()),
            "Debug::NoLocking=1".to_owned(),
            "APT::Sandbox::User=".to_owned(),
        ];
        let options = settings
            .into_iter()
            .flat_map(|setting| ["-o".to_owned(), setting])
            .collect();
        let apt = Self { options, debs };
        output(apt.get().arg("update"))?;
        Ok(apt)
    }

    fn get(&self) -> Command {
        let mut command = Command::new("apt-get");
        command.args(&self.options).arg("--quiet").current_dir(&self.debs);
        command
    }

    /// Downloads the packages and what they need beyond what is installed, and unpacks them into `root`.
    fn unpack(&self, packages: &[&str], root: &Path) -> Result<()> {
        let plan = output(
            self.get()
                .args(["--simulate", "--yes", "--no-install-recommends", "install"])
                .args(packages),
        )?;
        let mut names: Vec<&str> = plan
            .lines()
            .filter_map(|line| line.strip_prefix("Inst "))
            .filter_map(|line| line.split_whitespace().next())
            .chain(packages.iter().copied())
            .collect();
        names.sort_unstable();
        names.dedup();
        output(self.get().arg("download").args(&names))?;
        for deb in fs::read_dir(&self.debs)? {
            let deb = deb?.path();
            output(Command::new("dpkg-deb").arg("--extract").args([&deb, root]))?;
            fs::remove_file(&deb)?;
        }
        Ok(())
    }
}

fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", dir.display()))
        }
        _ => Ok(()),
    }
}

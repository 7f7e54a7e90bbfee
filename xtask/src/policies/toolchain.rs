//! A compiler for wasm32-unknown-unknown.
//!
//! The ordinary one is the toolchain that builds this workspace, with the target added by rustup. Where that target can't
//! be had, Debian's packages build the standard library from source; see [`debian`].

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::debian;
use super::manifest::ToolchainIdentity;

const TARGET: &str = "wasm32-unknown-unknown";

/// Names the toolchain to use, `rustup` or `debian`, instead of the first one that is there.
const CHOICE: &str = "OUTLAST_WASM_TOOLCHAIN";

/// A compiler for wasm32-unknown-unknown, and what says which one it is.
pub(super) struct Toolchain {
    kind: Kind,
    rustc: String,
    cargo: String,
    linker: String,
}

enum Kind {
    /// The toolchain of this workspace, with the target added.
    Rustup { rustc: PathBuf, cargo: PathBuf },
    /// Debian's, which brings the standard library as source.
    Debian(debian::Root),
}

impl Toolchain {
    /// The first toolchain there is. Debian's is unpacked below `target` if need be; nothing is installed.
    pub(super) fn find(target: &Path) -> Result<Self> {
        let choice = std::env::var(CHOICE).ok();
        match choice.as_deref() {
            None => match Self::rustup()? {
                Some(toolchain) => Ok(toolchain),
                None => Self::debian(target).context(
                    "no compiler for wasm32-unknown-unknown: run `rustup target add wasm32-unknown-unknown`, \
                     or use a Debian whose archive has rustc-web, cargo-web and rust-web-src",
                ),
            },
            Some("rustup") => {
                Self::rustup()?.context("the target is not there: run `rustup target add wasm32-unknown-unknown`")
            }
            Some("debian") => Self::debian(target),
            Some(other) => bail!("{CHOICE} is `{other}`; write `rustup` or `debian`"),
        }
    }

    fn rustup() -> Result<Option<Self>> {
        let from_env = |name, default: &str| PathBuf::from(std::env::var_os(name).unwrap_or_else(|| default.into()));
        let (rustc, cargo) = (from_env("RUSTC", "rustc"), from_env("CARGO", "cargo"));
        let libdir = output(Command::new(&rustc).args(["--print", "target-libdir", "--target", TARGET]))?;
        if !Path::new(&libdir).is_dir() {
            return Ok(None);
        }
        Ok(Some(Self {
            rustc: output(Command::new(&rustc).arg("--version"))?,
            cargo: output(Command::new(&cargo).arg("--version"))?,
            linker: "rust-lld of this rustc".to_owned(),
            kind: Kind::Rustup { rustc, cargo },
        }))
    }

    fn debian(target: &Path) -> Result<Self> {
        let root = debian::Root::find_or_unpack(&target.join("wasm-toolchain"))?;
        Ok(Self {
            rustc: output(root.command(&root.rustc()).arg("--version"))?,
            cargo: output(root.command(&root.cargo()).arg("--version"))?,
            linker: output(root.command(&root.linker()?).arg("--version"))?,
            kind: Kind::Debian(root),
        })
    }

    /// What the manifest records about this toolchain.
    pub(super) fn identity(&self, wit_component: String) -> ToolchainIdentity {
        ToolchainIdentity {
            rustc: self.rustc.clone(),
            cargo: self.cargo.clone(),
            linker: self.linker.clone(),
            wit_component,
        }
    }

    /// Compiles the workspace in `policies` and returns the folder of its core modules.
    ///
    /// The bytes don't depend on where the workspace, cargo's home or the toolchain stand.
    pub(super) fn build(&self, policies: &Path, target: &Path, locked: bool) -> Result<PathBuf> {
        let target = target.join("policies");
        // Only after fetching is it known which folders of cargo's home the sources stand in.
        let mut fetch = self.cargo(policies, &target, locked);
        fetch.arg("fetch");
        succeed(&mut fetch)?;
        let flags: Vec<String> = self
            .remapped(policies, &target)?
            .into_iter()
            .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
            .collect();
        let mut build = self.cargo(policies, &target, locked);
        build
            .args(["build", "--release", "--target", TARGET])
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        if let Kind::Debian(root) = &self.kind {
            // There is no prebuilt standard library for the target, and the compiler is a stable one.
            build
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", root.linker()?);
        }
        succeed(&mut build)?;
        Ok(target.join(TARGET).join("release"))
    }

    /// Cargo for the guests' workspace, without a subcommand, and undisturbed by what wraps or tunes other builds.
    fn cargo(&self, policies: &Path, target: &Path, locked: bool) -> Command {
        let mut command = match &self.kind {
            Kind::Rustup { rustc, cargo } => {
                let mut command = Command::new(cargo);
                command.env("RUSTC", rustc);
                command
            }
            Kind::Debian(root) => {
                let mut command = root.command(&root.cargo());
                command.env("RUSTC", root.rustc());
                command
            }
        };
        command
            .current_dir(policies)
            .env("CARGO_TARGET_DIR", target)
            .env_remove("RUSTC_WRAPPER")
            .env_remove("RUSTC_WORKSPACE_WRAPPER");
        if locked {
            command.arg("--locked");
        }
        command
    }

    /// Folders whose paths would get into panic messages, and what stands there instead; the last match counts.
    fn remapped(&self, policies: &Path, target: &Path) -> Result<Vec<(PathBuf, &'static str)>> {
        let mut remapped = vec![(policies.to_owned(), "/policies"), (target.to_owned(), "/target")];
        if let Kind::Debian(root) = &self.kind {
            remapped.push((root.std_source(), "/rust"));
        }
        let home = match std::env::var_os("CARGO_HOME") {
            Some(home) => PathBuf::from(home),
            None => std::env::home_dir()
                .context("neither CARGO_HOME nor a home directory")?
                .join(".cargo"),
        };
        remapped.push((home.clone(), "/cargo"));
        // Below it the folder of a registry carries a name of its own on every machine that uses a mirror.
        if let Ok(registries) = std::fs::read_dir(home.join("registry/src")) {
            for registry in registries {
                remapped.push((registry?.path(), "/cargo/registry"));
            }
        }
        Ok(remapped)
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match &self.kind {
            Kind::Rustup { .. } => "this workspace's toolchain".to_owned(),
            Kind::Debian(root) => format!("Debian's toolchain in {}", root.path().display()),
        };
        write!(f, "{} ({source})", self.rustc)
    }
}

/// Runs a command that must succeed; its output goes where this program's goes.
fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("running {command:?}"))?;
    ensure!(status.success(), "the policies don't build: {command:?}: {status}");
    Ok(())
}

/// What a command that must succeed prints, without the final newline.
pub(super) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

//! Running cargo, always with the same packages and features: else dependencies are compiled once for each set.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// What every build names, whatever part of it is wanted.
pub(crate) const WHOLE_WORKSPACE: [&str; 2] = ["--workspace", "--all-features"];

/// The folder of this repository.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> PathBuf {
    let default = root().join("target");
    env::var_os("CARGO_TARGET_DIR").map_or(default, |target| root().join(target))
}

/// cargo, with `arguments`, in the folder of this repository.
pub(crate) fn cargo<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    // What `cargo run` told this program about its own package. Build scripts that watch such variables would run again.
    for (name, _) in env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"]
            .iter()
            .any(|prefix| name.to_string_lossy().starts_with(prefix))
        {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end; it must succeed.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("starting {}", shown(command)))?;
    ensure!(status.success(), "{} failed: {status}", shown(command));
    Ok(())
}

/// Something that was built and can be run.
#[derive(Debug)]
pub(crate) struct Executable {
    pub(crate) path: PathBuf,
    /// The folder of its package.
    pub(crate) package: PathBuf,
    pub(crate) target: String,
    pub(crate) is_test: bool,
}

/// Builds targets of the workspace, such as `--bin outlast`, and returns what can be run of them.
pub(crate) fn build(targets: &[&str]) -> Result<Vec<Executable>> {
    build_of(&WHOLE_WORKSPACE, targets)
}

/// The same, of other packages, features or profiles than usual: then dependencies are compiled for these, too.
pub(crate) fn build_of(selection: &[&str], targets: &[&str]) -> Result<Vec<Executable>> {
    let arguments = ["build", "--message-format=json-render-diagnostics"].into_iter();
    let mut command = cargo(
        arguments
            .chain(selection.iter().copied())
            .chain(targets.iter().copied()),
    );
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("starting {}", shown(&command)))?;
    ensure!(output.status.success(), "{} failed: {}", shown(&command), output.status);
    executables(&String::from_utf8(output.stdout)?)
}

/// What cargo's messages say was built.
fn executables(messages: &str) -> Result<Vec<Executable>> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
        manifest_path: Option<PathBuf>,
        target: Option<Target>,
        profile: Option<Profile>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
    }
    #[derive(Deserialize)]
    struct Profile {
        test: bool,
    }
    let mut found = Vec::new();
    for line in messages.lines() {
        let message: Message = serde_json::from_str(line).with_context(|| format!("cargo printed {line}"))?;
        let (Some(path), Some(target), Some(manifest)) = (message.executable, message.target, message.manifest_path)
        else {
            continue;
        };
        found.push(Executable {
            path,
            package: manifest.parent().context("a manifest in no folder")?.to_owned(),
            target: target.name,
            is_test: message.profile.is_some_and(|profile| profile.test),
        });
    }
    Ok(found)
}

/// A command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_found_among_cargos_messages() -> Result<()> {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","manifest_path":"/a/Cargo.toml","target":{"name":"a"},"profile":{"test":false},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","manifest_path":"/a/Cargo.toml","target":{"name":"e2e"},"profile":{"test":true},"executable":"/t/e2e-1"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        let found = executables(messages)?;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].package, Path::new("/a"));
        assert_eq!((found[0].target.as_str(), found[0].is_test), ("e2e", true));
        Ok(())
    }
}

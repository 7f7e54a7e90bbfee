//! The policies there are, and what they are built from.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::manifest::hex;

/// One policy crate.
pub(super) struct Guest {
    /// The package's name.
    pub(super) name: String,
    /// Digest of everything it is built from: its own files, the WIT, the workspace's manifest and lock file.
    pub(super) sources: String,
}

impl Guest {
    /// The core module's file name, as cargo writes it.
    pub(super) fn module_file(&self) -> String {
        format!("{}.wasm", self.name.replace('-', "_"))
    }

    /// The component's file name in `prebuilt/`.
    pub(super) fn component_file(&self) -> String {
        format!("{}.wasm", self.name)
    }
}

#[derive(Deserialize)]
struct WorkspaceManifest {
    workspace: Workspace,
}

#[derive(Deserialize)]
struct Workspace {
    members: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct PackageManifest {
    package: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

/// The members of the guests' workspace, in the order in which its manifest lists them.
pub(super) fn list(policies: &Path) -> Result<Vec<Guest>> {
    let manifest: WorkspaceManifest = read_toml(&policies.join("Cargo.toml"))?;
    manifest
        .workspace
        .members
        .iter()
        .map(|member| guest(policies, member))
        .collect()
}

fn guest(policies: &Path, member: &Path) -> Result<Guest> {
    let manifest: PackageManifest = read_toml(&policies.join(member).join("Cargo.toml"))?;
    let mut files = vec![PathBuf::from("Cargo.toml"), PathBuf::from("Cargo.lock")];
    collect(policies, Path::new("wit"), &mut files)?;
    collect(policies, member, &mut files)?;
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        let path = policies.join(&file);
        // A lock file that isn't there yet is written by the build.
        let content = match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            content => content.with_context(|| format!("reading {}", path.display()))?,
        };
        let name = file.to_string_lossy().replace('\\', "/");
        for part in [name.as_bytes(), &content] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
    }
    Ok(Guest {
        name: manifest.package.name,
        sources: hex(&digest.finalize()),
    })
}

/// Adds the files below `policies/dir`, as paths relative to `policies`.
fn collect(policies: &Path, dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let path = policies.join(dir);
    for entry in fs::read_dir(&path).with_context(|| format!("reading {}", path.display()))? {
        let entry = entry?;
        let relative = dir.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            collect(policies, &relative, files)?;
        } else {
            files.push(relative);
        }
    }
    Ok(())
}

fn read_toml<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("parsing {}", path.display()))
}

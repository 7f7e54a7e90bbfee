//! The files of the repository, and what cargo knows of its packages.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::cargo::{cargo, root, shown};

/// What is checked.
#[derive(Debug, Default)]
pub(super) struct Repository {
    /// All text files that git doesn't ignore.
    pub(super) files: Vec<TextFile>,
    /// Names of all files, texts or not.
    pub(super) names: Vec<String>,
    /// Members of the workspace.
    pub(super) packages: Vec<Package>,
}

#[derive(Debug)]
pub(super) struct TextFile {
    /// From the repository's folder, with `/`.
    pub(super) name: String,
    pub(super) text: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) targets: Vec<Target>,
    pub(super) manifest_path: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    /// `dev`, `build`, or none for what the crate itself uses.
    pub(super) kind: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Target {
    pub(super) src_path: String,
}

impl Repository {
    pub(super) fn load() -> Result<Self> {
        let mut git = Command::new("git");
        git.args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "--deduplicate",
        ]);
        let listed = output(git.current_dir(root()))?;
        // One that was deleted and not yet committed is still listed.
        let exists = |name: &&str| !name.is_empty() && root().join(name).is_file();
        let names: Vec<String> = listed.split('\0').filter(exists).map(str::to_owned).collect();
        let mut files = Vec::new();
        for name in &names {
            let bytes = fs::read(root().join(name)).with_context(|| format!("reading {name}"))?;
            if let Ok(text) = String::from_utf8(bytes)
                && !text.contains('\0')
            {
                files.push(TextFile {
                    name: name.clone(),
                    text,
                });
            }
        }
        Ok(Self {
            files,
            names,
            packages: packages()?,
        })
    }

    /// Rust sources.
    pub(super) fn rust(&self) -> impl Iterator<Item = &TextFile> {
        self.files.iter().filter(|file| file.name.ends_with(".rs"))
    }

    pub(super) fn file(&self, name: &str) -> Option<&TextFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// A repository of these files, for tests.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(name, text): &(&str, &str)| TextFile {
            name: (*name).to_owned(),
            text: (*text).to_owned(),
        };
        Self {
            files: files.iter().map(file).collect(),
            names: files.iter().map(|(name, _)| (*name).to_owned()).collect(),
            packages: Vec::new(),
        }
    }
}

/// A path that cargo gave, from the repository's folder.
pub(super) fn relative(path: &str) -> String {
    let path = Path::new(path);
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned()
}

fn packages() -> Result<Vec<Package>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let metadata = output(&mut cargo([
        "metadata",
        "--format-version=1",
        "--no-deps",
        "--locked",
        "--offline",
    ]))?;
    let metadata: Metadata = serde_json::from_str(&metadata).context("reading what cargo metadata printed")?;
    Ok(metadata.packages)
}

fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("starting {}", shown(command)))?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} failed: {}", shown(command), error.trim());
    String::from_utf8(output.stdout).with_context(|| format!("reading what {} printed", shown(command)))
}

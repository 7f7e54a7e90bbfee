//! How crates present themselves.

use std::path::Path;

use super::repository::{Repository, relative};

/// Roots of crates that don't begin with their documentation.
pub(super) fn undocumented(repository: &Repository) -> Vec<String> {
    let roots = repository.packages.iter().flat_map(|package| &package.targets);
    let roots = roots.map(|target| relative(&target.src_path));
    // One that is not a file of the repository can't be built either: cargo says so.
    let is_bare = |root: &String| repository.file(root).is_some_and(|file| !is_documented(&file.text));
    roots.filter(is_bare).collect()
}

fn is_documented(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty());
    first.is_some_and(|line| line.starts_with("//! "))
}

/// Packages, of this workspace and of `policies/`, without the workspace's lints.
pub(super) fn unlinted(repository: &Repository) -> Vec<String> {
    let manifests = repository
        .files
        .iter()
        .filter(|file| Path::new(&file.name).ends_with("Cargo.toml"));
    manifests
        .filter(|file| !takes_lints(&file.text))
        .map(|file| file.name.clone())
        .collect()
}

fn takes_lints(manifest: &str) -> bool {
    let Ok(manifest) = manifest.parse::<toml::Table>() else {
        return false;
    };
    let lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
    // An example of a package outside has nobody to take lints from.
    let is_alone = manifest.contains_key("workspace");
    is_alone || lints.and_then(toml::Value::as_bool) == Some(true)
}

/// Crates in `crates/` whose folder has another name.
pub(super) fn misplaced(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    for package in &repository.packages {
        let manifest = relative(&package.manifest_path);
        if manifest.starts_with("crates/") && manifest != format!("crates/{}/Cargo.toml", package.name) {
            found.push(format!("{manifest} is of {}", package.name));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_comes_first() {
        assert!(is_documented("\n//! What it is.\nuse x;"));
        assert!(!is_documented("use x;\n//! What it is."));
        assert!(!is_documented("//!\nuse x;"));
    }

    #[test]
    fn lints_are_taken_by_packages() {
        assert!(takes_lints("[package]\nname = 'x'\n[lints]\nworkspace = true"));
        assert!(!takes_lints(
            "[package]\nname = 'x'\n[lints.rust]\nmissing_docs = 'warn'"
        ));
        assert!(takes_lints("[workspace]\n[package]\nname = 'alone'"));
    }
}

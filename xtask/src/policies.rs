//! `cargo xtask policies`: builds the policies of `policies/` into the components of `policies/prebuilt/`.
//!
//! `--check` changes nothing and fails if sources and components disagree. Three things are compared: the sources with
//! the digests recorded when the components were built, the components with theirs, and the components with fresh
//! ones. Fresh components have the same bytes only if the same toolchain builds them; under another one their
//! interfaces are compared instead, and the output says so.

mod component;
mod debian;
mod guests;
mod manifest;
mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use guests::Guest;
use manifest::{Entry, MANIFEST, Manifest, sha256_hex};
use toolchain::Toolchain;

/// Rebuilds the prebuilt components, or, with `check`, only compares.
///
/// # Errors
///
/// There is no toolchain that can build for `wasm32-unknown-unknown`, a policy doesn't build, or, with `check`,
/// sources and components disagree.
pub(crate) fn run(check: bool) -> Result<()> {
    let places = Places::of_this_workspace()?;
    let guests = guests::list(&places.policies)?;
    if check {
        check_components(&places, &guests)
    } else {
        write_components(&places, &guests)
    }
}

/// Where things stand in this workspace.
struct Places {
    policies: PathBuf,
    prebuilt: PathBuf,
    target: PathBuf,
    lockfile: PathBuf,
}

impl Places {
    fn of_this_workspace() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask stands in no workspace")?;
        let policies = root.join("policies");
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        Ok(Self {
            prebuilt: policies.join("prebuilt"),
            target: std::path::absolute(target)?,
            lockfile: root.join("Cargo.lock"),
            policies,
        })
    }
}

fn write_components(places: &Places, guests: &[Guest]) -> Result<()> {
    let toolchain = Toolchain::find(&places.target)?;
    eprintln!("building the policies with {toolchain}");
    let modules = toolchain.build(&places.policies, &places.target, false)?;
    fs::create_dir_all(&places.prebuilt)?;
    let mut entries = Vec::new();
    for guest in guests {
        let bytes = component::of_module(&modules.join(guest.module_file()))?;
        fs::write(places.prebuilt.join(guest.component_file()), &bytes)?;
        println!("{} {} bytes", guest.component_file(), bytes.len());
        entries.push(Entry {
            name: guest.name.clone(),
            sources: guest.sources.clone(),
            component: sha256_hex(&bytes),
        });
    }
    for stray in stray_components(places, guests)? {
        fs::remove_file(places.prebuilt.join(&stray))?;
        println!("{stray} removed: no policy of this name");
    }
    let toolchain = toolchain.identity(component::encoder_version(&places.lockfile)?);
    // The build may have brought policies/Cargo.lock up to date, which is one of the sources.
    for (entry, guest) in entries.iter_mut().zip(guests::list(&places.policies)?) {
        entry.sources = guest.sources;
    }
    Manifest {
        toolchain,
        components: entries,
    }
    .save(&places.prebuilt)
}

fn check_components(places: &Places, guests: &[Guest]) -> Result<()> {
    let manifest = Manifest::load(&places.prebuilt)?;
    let disagreements = recorded_disagreements(places, guests, &manifest)?;
    if !disagreements.is_empty() {
        bail!(
            "{}\nrun `cargo xtask policies` and commit policies/prebuilt",
            disagreements.join("\n")
        );
    }
    println!(
        "{} policies: sources and components are as recorded in policies/prebuilt/{MANIFEST}",
        guests.len()
    );

    let toolchain = Toolchain::find(&places.target)?;
    eprintln!("rebuilding the policies with {toolchain}");
    let modules = toolchain.build(&places.policies, &places.target, true)?;
    let here = toolchain.identity(component::encoder_version(&places.lockfile)?);
    let same_toolchain = here == manifest.toolchain;
    let mut differences = Vec::new();
    for guest in guests {
        let file = guest.component_file();
        let committed = fs::read(places.prebuilt.join(&file))?;
        let fresh = component::of_module(&modules.join(guest.module_file()))?;
        if same_toolchain && committed != fresh {
            differences.push(format!("policies/prebuilt/{file} is not what its sources build to"));
        }
        if component::interface(&committed)? != component::interface(&fresh)? {
            differences.push(format!(
                "policies/prebuilt/{file} has another interface than its sources"
            ));
        }
    }
    ensure!(
        differences.is_empty(),
        "{}\nrun `cargo xtask policies` and commit policies/prebuilt",
        differences.join("\n")
    );
    if same_toolchain {
        println!("{} policies: rebuilt, and every byte is the same", guests.len());
    } else {
        println!(
            "{} policies: rebuilt, and every interface is the same; bytes were NOT compared, because the toolchains differ:\n\
             recorded: {}\nhere:     {here}",
            guests.len(),
            manifest.toolchain,
        );
    }
    Ok(())
}

/// What can be told without a toolchain.
fn recorded_disagreements(places: &Places, guests: &[Guest], manifest: &Manifest) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for guest in guests {
        let file = guest.component_file();
        let Some(entry) = manifest.components.iter().find(|entry| entry.name == guest.name) else {
            found.push(format!(
                "policies/prebuilt/{MANIFEST} doesn't list the policy `{}`",
                guest.name
            ));
            continue;
        };
        if entry.sources != guest.sources {
            found.push(format!(
                "the sources of `{}` changed after policies/prebuilt/{file} was built",
                guest.name
            ));
        }
        match fs::read(places.prebuilt.join(&file)) {
            Ok(bytes) if sha256_hex(&bytes) == entry.component => {}
            Ok(_) => found.push(format!("policies/prebuilt/{file} is not the component that was built")),
            Err(error) => found.push(format!("policies/prebuilt/{file} can't be read: {error}")),
        }
    }
    for entry in manifest
        .components
        .iter()
        .filter(|entry| guests.iter().all(|guest| guest.name != entry.name))
    {
        found.push(format!(
            "policies/prebuilt/{MANIFEST} lists `{}`, which is no policy",
            entry.name
        ));
    }
    for stray in stray_components(places, guests)? {
        found.push(format!("policies/prebuilt/{stray} belongs to no policy"));
    }
    Ok(found)
}

/// Components in `prebuilt/` that no guest builds.
fn stray_components(places: &Places, guests: &[Guest]) -> Result<Vec<String>> {
    let mut strays = Vec::new();
    for file in fs::read_dir(&places.prebuilt)? {
        let name = file?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".wasm") && guests.iter().all(|guest| guest.component_file() != name) {
            strays.push(name);
        }
    }
    strays.sort();
    Ok(strays)
}

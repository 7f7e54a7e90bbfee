//! From a core module to a component.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use wit_component::{ComponentEncoder, OutputToString, WitPrinter};

/// Wraps a core module, whose custom sections hold its world, as a component.
pub(super) fn of_module(module: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(module).with_context(|| format!("reading {}", module.display()))?;
    ComponentEncoder::default()
        .validate(true)
        .module(&bytes)
        .and_then(|mut encoder| encoder.encode())
        .with_context(|| format!("making a component of {}", module.display()))
}

/// A component's imports and exports, as WIT.
pub(super) fn interface(component: &[u8]) -> Result<String> {
    let decoded = wit_component::decode(component).context("reading a component's interface")?;
    let mut printer = WitPrinter::<OutputToString>::default();
    printer.print(decoded.resolve(), decoded.package(), &[])?;
    Ok(printer.output.to_string())
}

/// The version of wit-component that this program is built with.
pub(super) fn encoder_version(lockfile: &Path) -> Result<String> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        version: String,
    }
    let text = fs::read_to_string(lockfile).with_context(|| format!("reading {}", lockfile.display()))?;
    let lock: Lock = toml::from_str(&text).with_context(|| format!("parsing {}", lockfile.display()))?;
    let package = lock.package.into_iter().find(|package| package.name == "wit-component");
    Ok(package.context("Cargo.lock doesn't list wit-component")?.version)
}

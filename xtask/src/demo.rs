//! `cargo xtask demo`: builds the program that shows it all, and runs it.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cargo::build;

const PROGRAM: &str = "outlast-demo";

/// Builds `outlast` and the demo, and shows it.
///
/// # Errors
///
/// When they can't be built, or what the demo shows is not what it promises; it has said then what went wrong.
pub(crate) fn run() -> Result<()> {
    let executables = build(&["--bin", "outlast", "--bin", PROGRAM])?;
    let demo = executables
        .iter()
        .find(|executable| executable.target == PROGRAM && !executable.is_test);
    let demo = demo.context("cargo did not build the demo")?;
    let status = Command::new(&demo.path)
        .status()
        .with_context(|| format!("starting {}", demo.path.display()))?;
    ensure!(status.success(), "the demo ended with {status}");
    Ok(())
}

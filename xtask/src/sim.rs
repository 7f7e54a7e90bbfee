//! `cargo xtask sim`: simulated clusters by the thousand.

use anyhow::{Context, Result, ensure};

use crate::{cargo::build, programs};

/// The test target that is the simulator.
const TARGET: &str = "sim";

/// Builds and runs the simulator.
///
/// # Errors
///
/// When it doesn't compile, or finds a violation, or misses the loss of a guard.
pub(crate) fn run(seeds: Option<u64>, first: Option<u64>, mutants: Option<&str>, release: bool) -> Result<()> {
    let profile: &[&str] = if release { &["--release"] } else { &[] };
    let targets: Vec<&str> = ["--test", TARGET].iter().chain(profile).copied().collect();
    let executables = build(&targets)?;
    let program = executables.iter().find(|executable| executable.target == TARGET);
    let program = program.context("cargo did not build the simulator")?;
    let number = |name: &str, value: Option<u64>| value.map(|value| format!("--{name}={value}"));
    let mutants = mutants.map(|guard| format!("--mutants={guard}"));
    let options = [number("seeds", seeds), number("first", first), mutants];
    let arguments: Vec<String> = options.into_iter().flatten().collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let tally = programs::run(program, &arguments)?;
    ensure!(tally.failed == 0, "{} failed", tally.failed);
    Ok(())
}

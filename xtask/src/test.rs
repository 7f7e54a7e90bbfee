//! `cargo xtask test`: every test there is.

use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use crate::{
    alters,
    cargo::{WHOLE_WORKSPACE, build, cargo},
    chaos, e2e, programs,
    tally::Tally,
};

/// The package whose ignored tests are those that mount file systems.
const MOUNTS: &str = "outlast-testbed";

/// Runs everything, and prints the totals as the last line.
///
/// # Errors
///
/// When something doesn't compile, or a test fails, or failovers take too long.
pub(crate) fn run() -> Result<()> {
    let ran = all();
    let (tally, outcome) = match ran {
        Ok((tally, outcome)) => (tally, outcome),
        Err(error) => (Tally::one_failure(format!("{error:#}")), Err(error)),
    };
    println!("{tally}");
    outcome?;
    ensure!(tally.failed == 0, "{} tests failed", tally.failed);
    Ok(())
}

/// Runs everything. The result is whether failovers were fast enough; failed tests are in the tally.
pub(crate) fn all() -> Result<(Tally, Result<()>)> {
    // One build for all programs, and `outlast` itself, which the scenarios run.
    let mut executables = build(&["--all-targets"])?;
    executables.retain(|executable| executable.is_test);
    executables.sort_by(|a, b| (&a.package, &a.target).cmp(&(&b.package, &b.target)));
    let mut tally = Tally::default();
    let on_its_own = [e2e::TARGET, alters::TARGET, chaos::TARGET];
    for program in executables.iter().filter(|e| !on_its_own.contains(&e.target.as_str())) {
        let package = program.package.file_name().unwrap_or_default().to_string_lossy();
        println!("\n{package}: {}", program.target);
        let ignored_too: &[&str] = match package == MOUNTS && may_mount() {
            true => &["--include-ignored"],
            false => &[],
        };
        tally += programs::run(program, ignored_too)?;
    }
    println!("\ndocumentation");
    let arguments = ["test", "--doc", "--no-fail-fast"].into_iter().chain(WHOLE_WORKSPACE);
    tally += programs::counted(&mut cargo(arguments))?;
    println!("\nscenarios on real servers");
    let (scenarios, times) = e2e::scenarios(&executables, None)?;
    tally += scenarios;
    println!("\nALTERs against MySQL's own");
    tally += alters::all(&executables)?;
    println!("\nclusters under fire");
    tally += chaos::all(&executables)?;
    Ok((tally, times))
}

/// Whether file systems can be mounted: tried where nobody else sees it, and where it is gone with the process.
fn may_mount() -> bool {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "mount", "-t", "tmpfs", "tmpfs", "/tmp"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

//! `cargo xtask e2e`: the scenarios on real servers.

mod points;
mod times;

use std::{env, fs, io, thread};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    cargo::{Executable, build, root, target_directory},
    programs,
    tally::Tally,
};

/// The test target with the scenarios.
pub(crate) const TARGET: &str = "e2e";
const THREADS: &str = "OUTLAST_E2E_THREADS";

/// Builds and runs the scenarios whose name contains `filter`.
///
/// # Errors
///
/// When they don't compile, one fails, the filter matches none, or failovers take too long; without a filter, also when there
/// are failpoints that none reaches.
pub(crate) fn run(filter: Option<&str>) -> Result<()> {
    let executables = build(&["--bin", "outlast", "--test", TARGET])?;
    let (tally, times) = scenarios(&executables, filter)?;
    println!("{tally}");
    if let Some(filter) = filter {
        ensure!(tally != Tally::default(), "no scenario has {filter:?} in its name");
    }
    ensure!(tally.failed == 0, "{} scenarios failed", tally.failed);
    times
}

/// Runs the scenarios among what was built, and prints the times of their failovers. The second result is whether these were
/// fast enough, and all failpoints reached.
pub(crate) fn scenarios(executables: &[Executable], filter: Option<&str>) -> Result<(Tally, Result<()>)> {
    let program = executables
        .iter()
        .find(|executable| executable.is_test && executable.target == TARGET);
    let program = program.context("cargo did not build the scenarios")?;
    let file = target_directory().join("e2e").join("times.jsonl");
    let reached = root().join("target").join("e2e").join("reached");
    for old in [&file, &reached] {
        match fs::remove_file(old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                bail!("removing {}: {error}", old.display());
            }
            _ => {}
        }
    }
    let threads = format!("--test-threads={}", threads()?);
    let arguments: Vec<&str> = filter.into_iter().chain([threads.as_str()]).collect();
    let tally = programs::run(program, &arguments)?;
    if tally.failed > 0 {
        println!("logs: target/e2e/SCENARIO/; OUTLAST_TESTBED_KEEP=1 keeps the servers' directories too");
    }
    let times = times::read(&file)?;
    println!("\n{}", times::table(&times));
    // Part of the scenarios need not have a failover; all of them do.
    let verdict = match filter {
        Some(_) if times.is_empty() => Ok(()),
        Some(_) => times::judge(&times),
        None => times::judge(&times).and_then(|()| points::judge(&reached)),
    };
    Ok((tally, verdict))
}

/// How many scenarios run at a time. They mostly wait: for copies that are slowed down, and for servers to start.
fn threads() -> Result<usize> {
    if let Ok(threads) = env::var(THREADS) {
        return threads
            .parse()
            .with_context(|| format!("{THREADS} is {threads:?}, no number"));
    }
    let cores = thread::available_parallelism().context("counting the cores")?;
    Ok(cores.get() + cores.get().div_ceil(2))
}

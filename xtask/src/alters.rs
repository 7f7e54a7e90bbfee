//! `cargo xtask alters`: the cases of tests/alters, each compared with MySQL's own ALTER.

pub(crate) mod document;

use anyhow::{Context, Result, ensure};

use crate::{
    cargo::{Executable, build},
    programs,
    tally::Tally,
};

/// The test target that plays the cases.
pub(crate) const TARGET: &str = "alters";
/// How many random cases are played with all other tests, and their seed: always the same ones, so that a failure is due to
/// the change that is tested. `cargo xtask alters --random N` plays new ones.
const USUAL_RANDOM: [&str; 2] = ["--random=300", "--seed=1"];

/// Builds and plays the cases whose name contains `filter`, and random ones where they are asked for.
///
/// # Errors
///
/// When they don't compile, one fails, or the filter matches none.
pub(crate) fn run(filter: Option<&str>, random: Option<u64>, seed: Option<u64>) -> Result<()> {
    let executables = build(&["--bin", "outlast", "--test", TARGET])?;
    let option = |name: &str, value: Option<u64>| value.map(|value| format!("--{name}={value}"));
    let arguments = filter.map(str::to_owned).into_iter();
    let arguments: Vec<String> = arguments
        .chain(option("random", random))
        .chain(option("seed", seed))
        .collect();
    let tally = play(&executables, &arguments)?;
    println!("{tally}");
    if let Some(filter) = filter {
        ensure!(tally != Tally::default(), "no case has {filter:?} in its name");
    }
    ensure!(tally.failed == 0, "{} cases failed", tally.failed);
    Ok(())
}

/// Plays all cases, and random ones.
pub(crate) fn all(executables: &[Executable]) -> Result<Tally> {
    play(executables, &USUAL_RANDOM.map(str::to_owned))
}

/// Plays cases with the program among what was built.
fn play(executables: &[Executable], arguments: &[String]) -> Result<Tally> {
    let program = executables
        .iter()
        .find(|executable| executable.is_test && executable.target == TARGET);
    let program = program.context("cargo did not build the player of the cases")?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let tally = programs::run(program, &arguments)?;
    if tally.failed > 0 {
        println!("logs: target/alters/CASE.log; the format of cases: tests/alters/README.md");
    }
    Ok(tally)
}

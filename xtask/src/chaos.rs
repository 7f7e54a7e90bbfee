//! `cargo xtask chaos`: real clusters under fire.

use anyhow::{Context, Result, ensure};

use crate::{
    cargo::{Executable, build},
    programs,
    tally::Tally,
};

/// The test target that plays the rounds.
pub(crate) const TARGET: &str = "chaos";
/// How many rounds are played with all other tests, and their seed: always the same ones, so that a failure is due to the
/// change that is tested. `cargo xtask chaos --rounds N` plays new ones.
const USUAL: [&str; 3] = ["--rounds=12", "--seed=1", "--self-check"];

/// What rounds are played.
#[derive(clap::Args)]
pub(crate) struct Wanted {
    /// How many rounds.
    #[arg(long, value_name = "N", default_value_t = 12, conflicts_with = "round")]
    rounds: u64,
    /// Makes the rounds those of an earlier run, which printed it. All choices follow from it; the timing of processes does not.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Play only this round of the seed.
    #[arg(long, value_name = "R", requires = "seed")]
    round: Option<u64>,
    /// How many rounds are played at a time; by default two for each core.
    #[arg(long, value_name = "J")]
    jobs: Option<u64>,
}

/// Builds and plays rounds.
///
/// # Errors
///
/// When they don't compile, or one has a violation.
pub(crate) fn run(wanted: &Wanted) -> Result<()> {
    let executables = build(&["--bin", "outlast", "--test", TARGET])?;
    let option = |name: &str, value: Option<u64>| value.map(|value| format!("--{name}={value}"));
    let arguments: Vec<String> = [
        option("rounds", Some(wanted.rounds)),
        option("seed", wanted.seed),
        option("round", wanted.round),
        option("jobs", wanted.jobs),
    ]
    .into_iter()
    .flatten()
    .collect();
    let tally = play(&executables, &arguments)?;
    println!("{tally}");
    ensure!(tally.failed == 0, "{} rounds failed", tally.failed);
    Ok(())
}

/// Plays a dozen rounds, and checks that a round with spoilt rows fails.
pub(crate) fn all(executables: &[Executable]) -> Result<Tally> {
    play(executables, &USUAL.map(str::to_owned))
}

/// Plays rounds with the program among what was built.
fn play(executables: &[Executable], arguments: &[String]) -> Result<Tally> {
    let program = executables
        .iter()
        .find(|executable| executable.is_test && executable.target == TARGET);
    let program = program.context("cargo did not build the player of the rounds")?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    programs::run(program, &arguments)
}

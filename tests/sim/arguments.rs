//! The arguments of this program.

use std::thread::available_parallelism;

use anyhow::{Context, Result, bail};

/// Seeds of a run with all other tests.
const USUAL_SEEDS: u64 = 3_000;

#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) task: Task,
    pub(crate) seeds: u64,
    pub(crate) first: u64,
    pub(crate) threads: u64,
    /// Part of the names of the guards that are switched off; without it, all.
    pub(crate) guard: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    Seeds,
    Mutants,
    /// Both, as with all other tests.
    Usual,
}

impl Arguments {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut parsed = Self {
            task: Task::Usual,
            seeds: USUAL_SEEDS,
            first: 0,
            threads: available_parallelism().map_or(1, |cores| cores.get() as u64),
            guard: None,
        };
        for argument in arguments {
            match (argument.as_str(), argument.split_once('=')) {
                // What `cargo test` passes on to all test programs has no meaning here.
                ("--nocapture" | "--quiet" | "-q" | "--show-output", _) => {}
                (_, Some(("--test-threads", _))) => {}
                ("--mutants", _) => parsed.task = Task::Mutants,
                (_, Some(("--mutants", guard))) => {
                    parsed.task = Task::Mutants;
                    parsed.guard = Some(guard.to_owned());
                }
                (_, Some(("--seeds", number))) => {
                    parsed.task = Task::Seeds;
                    parsed.seeds = whole_number(number)?;
                }
                (_, Some(("--first", number))) => parsed.first = whole_number(number)?,
                (_, Some(("--threads", number))) => parsed.threads = whole_number(number)?.max(1),
                _ => bail!(
                    "there is no option {argument}; usage: sim [--seeds=N] [--first=S] [--threads=T] [--mutants[=GUARD]]"
                ),
            }
        }
        Ok(parsed)
    }
}

fn whole_number(text: &str) -> Result<u64> {
    text.parse().with_context(|| format!("{text:?} is no whole number"))
}

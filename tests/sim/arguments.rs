//! The arguments of this program.

use std::thread::available_parallelism;

use anyhow::Result;
use outlast_tests::arguments::{Filter, whole_number};

/// Seeds of a run with all other tests.
const USUAL_SEEDS: u64 = 3_000;

const USAGE: &str = "sim [FILTER] [--seeds=N] [--first=S] [--threads=T] [--mutants[=GUARD]]";

#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) task: Task,
    /// Which tests of the task.
    pub(crate) filter: Filter,
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
            filter: Filter::default(),
            seeds: USUAL_SEEDS,
            first: 0,
            threads: available_parallelism().map_or(1, |cores| cores.get() as u64),
            guard: None,
        };
        parsed.filter = Filter::parse(arguments, USAGE, |name, value| {
            match (name, value) {
                ("--mutants", guard) => {
                    parsed.task = Task::Mutants;
                    parsed.guard = guard.map(str::to_owned);
                }
                ("--seeds", Some(number)) => {
                    parsed.task = Task::Seeds;
                    parsed.seeds = whole_number(number)?;
                }
                ("--first", Some(number)) => parsed.first = whole_number(number)?,
                ("--threads", Some(number)) => parsed.threads = whole_number(number)?.max(1),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(parsed)
    }
}

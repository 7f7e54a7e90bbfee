//! The arguments of this program.

use anyhow::Result;
use outlast_tests::arguments::{Filter, whole_number};

const USAGE: &str =
    "chaos [FILTER] [--rounds=N] [--seed=S] [--round=R] [--jobs=J] [--plans] [--self-check]; a round's name is round/R";

/// What is to be played.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// Which of the rounds and checks.
    pub(crate) filter: Filter,
    /// How many rounds.
    pub(crate) rounds: u64,
    /// What they are made from; a new one is taken where none is given.
    pub(crate) seed: Option<u64>,
    /// Only this round.
    pub(crate) round: Option<u64>,
    /// How many at a time.
    pub(crate) jobs: Option<usize>,
    /// Play nothing, and say what would be played.
    pub(crate) plans: bool,
    /// Check that spoilt rows are found, too.
    pub(crate) self_check: bool,
}

impl Arguments {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut parsed = Self {
            filter: Filter::default(),
            rounds: 1,
            seed: None,
            round: None,
            jobs: None,
            plans: false,
            self_check: false,
        };
        parsed.filter = Filter::parse(arguments, USAGE, |name, value| {
            match (name, value) {
                ("--rounds", Some(number)) => parsed.rounds = whole_number(number)?,
                ("--seed", Some(number)) => parsed.seed = Some(whole_number(number)?),
                ("--round", Some(number)) => parsed.round = Some(whole_number(number)?),
                ("--jobs", Some(number)) => parsed.jobs = Some(usize::try_from(whole_number(number)?)?.max(1)),
                ("--plans", None) => parsed.plans = true,
                ("--self-check", None) => parsed.self_check = true,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(parsed)
    }
}

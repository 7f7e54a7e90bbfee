//! The arguments of this program.

use anyhow::{Context, Result, bail};

/// What is to be played.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// How many rounds.
    pub(crate) rounds: u64,
    /// What they are made from; a new one is taken where none is given.
    pub(crate) seed: Option<u64>,
    /// Only this round.
    pub(crate) round: Option<u64>,
    /// How many at a time.
    pub(crate) jobs: Option<usize>,
    /// Play nothing, and say what would be played.
    pub(crate) list: bool,
    /// Check that spoilt rows are found, too.
    pub(crate) self_check: bool,
}

impl Arguments {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut parsed = Self {
            rounds: 1,
            seed: None,
            round: None,
            jobs: None,
            list: false,
            self_check: false,
        };
        for argument in arguments {
            match argument.split_once('=') {
                Some(("--rounds", number)) => parsed.rounds = whole_number(number)?,
                Some(("--seed", number)) => parsed.seed = Some(whole_number(number)?),
                Some(("--round", number)) => parsed.round = Some(whole_number(number)?),
                Some(("--jobs", number)) => parsed.jobs = Some(usize::try_from(whole_number(number)?)?.max(1)),
                None if argument == "--list" => parsed.list = true,
                None if argument == "--self-check" => parsed.self_check = true,
                // What `cargo test` passes on to all test programs has no meaning here.
                None if ["--nocapture", "--quiet", "-q", "--show-output"].contains(&argument.as_str()) => {}
                Some(("--test-threads", _)) => {}
                _ => bail!(
                    "{argument:?} has no meaning; usage: chaos [--rounds=N] [--seed=S] [--round=R] [--jobs=J] [--list] [--self-check]"
                ),
            }
        }
        Ok(parsed)
    }
}

fn whole_number(text: &str) -> Result<u64> {
    text.parse().with_context(|| format!("{text:?} is no whole number"))
}

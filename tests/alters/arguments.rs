//! The arguments of this program.

use anyhow::Result;
use outlast_tests::arguments::{Filter, whole_number};

const USAGE: &str = "alters [FILTER] [--random=N] [--seed=S]";

/// What is to be played.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    /// Which cases.
    pub(crate) filter: Filter,
    /// How many random cases.
    pub(crate) random: u64,
    /// What the random cases are made from; a new one is taken where none is given.
    pub(crate) seed: Option<u64>,
}

impl Arguments {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut parsed = Self::default();
        parsed.filter = Filter::parse(arguments, USAGE, |name, value| {
            match (name, value) {
                ("--random", Some(number)) => parsed.random = whole_number(number)?,
                ("--seed", Some(number)) => parsed.seed = Some(whole_number(number)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(parsed)
    }
}

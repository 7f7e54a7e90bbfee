//! The arguments of this program.

use anyhow::{Context, Result, bail, ensure};

/// What is to be played.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    /// Part of the names of the cases; without it, all.
    pub(crate) filter: Option<String>,
    /// How many random cases.
    pub(crate) random: u64,
    /// What the random cases are made from; a new one is taken where none is given.
    pub(crate) seed: Option<u64>,
}

impl Arguments {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut parsed = Self::default();
        for argument in arguments {
            match argument.as_str() {
                // What `cargo test` passes on to all test programs has no meaning here.
                "--nocapture" | "--quiet" | "-q" | "--show-output" => {}
                option if option.starts_with("--test-threads=") => {}
                option if option.starts_with('-') => match option.split_once('=') {
                    Some(("--random", number)) => parsed.random = whole_number(number)?,
                    Some(("--seed", number)) => parsed.seed = Some(whole_number(number)?),
                    _ => bail!("there is no option {option}; usage: alters [FILTER] [--random=N] [--seed=S]"),
                },
                filter => {
                    ensure!(parsed.filter.is_none(), "one filter is enough");
                    parsed.filter = Some(filter.to_owned());
                }
            }
        }
        Ok(parsed)
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| name.contains(filter))
    }
}

fn whole_number(text: &str) -> Result<u64> {
    text.parse().with_context(|| format!("{text:?} is no whole number"))
}

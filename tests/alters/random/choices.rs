//! A row of random numbers, from which everything random of a case is decided.

use anyhow::{Result, anyhow};
use proptest::{
    arbitrary::any,
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// More than any case needs.
const NUMBERS: usize = 500;

/// Numbers that are used one after the other. When all are used, each further one is 0.
pub(super) struct Choices {
    numbers: std::vec::IntoIter<u32>,
}

impl Choices {
    /// Those of one case of a run.
    pub(super) fn new(seed: u64, index: u64) -> Result<Self> {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&index.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let numbers = proptest::collection::vec(any::<u32>(), NUMBERS)
            .new_tree(&mut runner)
            .map_err(|reason| anyhow!("no random numbers: {reason}"))?;
        Ok(Self {
            numbers: numbers.current().into_iter(),
        })
    }

    /// A number below this one.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        let number = u64::from(self.numbers.next().unwrap_or(0));
        ((number * limit as u64) >> 32) as usize
    }

    /// True as often as this, of a hundred times.
    pub(super) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub(super) fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len())]
    }
}

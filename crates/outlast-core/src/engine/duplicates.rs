//! How long a duplicate value has been in the way of a chunk.

use std::{collections::BTreeMap, time::Duration};

/// Duplicates that are remembered; an application that makes more of them while one chunk waits begins anew.
const MOST_REMEMBERED: usize = 1000;

/// The duplicates that a chunk has met, and when it met each for the first time.
///
/// A busy application moves unique values between rows all the time, and each may be in the way for a moment: many of them, one
/// after the other, are no duplicate that lasts.
#[derive(Debug, Default)]
pub(super) struct Duplicates {
    first_met: BTreeMap<String, Duration>,
}

impl Duplicates {
    /// Remembers one that was met `now`; returns for how long that very one has been in the way.
    pub(super) fn meet(&mut self, duplicate: String, now: Duration) -> Duration {
        if self.first_met.len() >= MOST_REMEMBERED && !self.first_met.contains_key(&duplicate) {
            self.first_met.clear();
        }
        let first = *self.first_met.entry(duplicate).or_insert(now);
        now.saturating_sub(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn many_short_duplicates_are_no_long_one() {
        let mut duplicates = Duplicates::default();
        for second in 0..100 {
            assert_eq!(duplicates.meet(second.to_string(), at(second)), Duration::ZERO);
        }
    }

    #[test]
    fn one_that_stays_lasts_although_others_come_and_go() {
        let mut duplicates = Duplicates::default();
        for second in 0..60 {
            assert_eq!(duplicates.meet("same".to_owned(), at(second)), at(second));
            duplicates.meet(format!("other {second}"), at(second));
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut duplicates = Duplicates::default();
        for second in 0..10_000 {
            duplicates.meet(second.to_string(), at(second));
            assert!(duplicates.first_met.len() <= MOST_REMEMBERED);
        }
    }
}

//! When a duplicate is held to be real.

use std::{collections::BTreeMap, time::Duration};

/// Duplicates that are remembered; an application that makes more of them while one piece of work waits begins anew.
const MOST_REMEMBERED: usize = 1000;

/// The duplicates that one piece of work has met.
///
/// A busy application moves unique values between rows all the time, and each may be in the way for a moment: many of them,
/// one after the other, are no duplicate that lasts.
#[derive(Default)]
pub(super) struct Duplicates {
    first_met: BTreeMap<String, Duration>,
    since: Option<Duration>,
}

impl Duplicates {
    /// Takes note of one; whether this very one has lasted for `grace`.
    pub(super) fn met(&mut self, duplicate: &str, now: Duration, grace: Duration) -> bool {
        self.since.get_or_insert(now);
        if self.first_met.len() >= MOST_REMEMBERED && !self.first_met.contains_key(duplicate) {
            self.first_met.clear();
        }
        let first = *self.first_met.entry(duplicate.to_owned()).or_insert(now);
        now.saturating_sub(first) >= grace
    }

    /// Whether this very one is remembered.
    pub(super) fn has_met(&self, duplicate: &str) -> bool {
        self.first_met.contains_key(duplicate)
    }

    /// How long any of them have been met by now.
    pub(super) fn age(&self, now: Duration) -> Duration {
        self.since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    /// Forgets them, since the work is done; whether there were any.
    pub(super) fn clear(&mut self) -> bool {
        std::mem::take(self).since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(60);

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn many_short_duplicates_are_no_long_one() {
        let mut duplicates = Duplicates::default();
        assert!((0..100).all(|second| !duplicates.met(&second.to_string(), at(second), GRACE)));
    }

    #[test]
    fn one_that_stays_is_real_although_others_come_and_go() {
        let mut duplicates = Duplicates::default();
        for second in 0..60 {
            assert_eq!(duplicates.has_met("same"), second > 0);
            assert!(!duplicates.met("same", at(second), GRACE));
            assert!(!duplicates.met(&format!("other {second}"), at(second), GRACE));
        }
        assert!(duplicates.met("same", at(60), GRACE));
    }

    #[test]
    fn work_that_is_done_begins_anew() {
        let mut duplicates = Duplicates::default();
        assert!(!duplicates.met("a", at(0), GRACE));
        assert!(duplicates.clear());
        assert!(!duplicates.clear());
        assert!(!duplicates.met("a", at(100), GRACE));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut duplicates = Duplicates::default();
        for second in 0..10_000 {
            duplicates.met(&second.to_string(), at(second), GRACE);
            assert!(duplicates.first_met.len() <= MOST_REMEMBERED);
        }
    }
}

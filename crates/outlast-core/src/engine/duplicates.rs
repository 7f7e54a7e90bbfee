//! When a duplicate is held to be real.

use std::{collections::BTreeMap, time::Duration};

use super::Run;
use crate::{error::Result, gtid::GtidSet};

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
    /// What the source had executed when the first of them was met: the change that resolves it may be among that.
    executed: Option<GtidSet>,
    /// Whether all of that had been read when the last one was met.
    was_read: bool,
}

impl Run {
    /// Takes note of a duplicate that a piece of work has met; whether it is held to be real: it has lasted for the grace period, and has
    /// been met again since everything was read that the source had executed when the first was met.
    ///
    /// # Errors
    /// Those of the server.
    pub(super) async fn lasts(&self, duplicates: &mut Duplicates, duplicate: &str) -> Result<bool> {
        let grace = Duration::from_millis(self.migration.options.duplicate_grace_ms);
        if duplicates.executed.is_none() {
            duplicates.executed = Some(self.stream.executed().await?);
        }
        let was_read = duplicates.was_read(self.ledger().processed());
        Ok(duplicates.met(duplicate, self.services.clock.now(), grace) && was_read)
    }
}

impl Duplicates {
    /// Whether everything that the source had executed at first had been read when this was last asked; `processed` is what has been by
    /// now.
    fn was_read(&mut self, processed: &GtidSet) -> bool {
        let is_read = self
            .executed
            .as_ref()
            .is_some_and(|executed| executed.is_subset(processed));
        std::mem::replace(&mut self.was_read, is_read)
    }

    /// So much time passed without a try.
    pub(super) fn did_not_try(&mut self, time: Duration) {
        for met in self.first_met.values_mut().chain(&mut self.since) {
            *met += time;
        }
    }

    /// Takes note of one; whether this very one has lasted for `grace`.
    fn met(&mut self, duplicate: &str, now: Duration, grace: Duration) -> bool {
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
    fn what_was_executed_has_to_be_read_and_met_again() {
        let read = |upto: u64| -> GtidSet {
            let set = format!("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-{upto}");
            set.parse().unwrap_or_default()
        };
        let mut duplicates = Duplicates {
            executed: Some(read(10)),
            ..Duplicates::default()
        };
        assert!(!duplicates.was_read(&read(9)));
        // The batch that has just failed may have been taken before the last change was read.
        assert!(!duplicates.was_read(&read(10)));
        assert!(duplicates.was_read(&read(11)));
        duplicates.met("a", at(0), GRACE);
        duplicates.clear();
        assert!(
            !duplicates.was_read(&read(11)),
            "another one, for which nothing is known"
        );
    }

    #[test]
    fn time_without_a_try_does_not_count() {
        let mut duplicates = Duplicates::default();
        assert!(!duplicates.met("a", at(0), GRACE));
        duplicates.did_not_try(at(100));
        assert!(!duplicates.met("a", at(159), GRACE));
        assert_eq!(duplicates.age(at(159)), at(59));
        assert!(duplicates.met("a", at(160), GRACE));
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

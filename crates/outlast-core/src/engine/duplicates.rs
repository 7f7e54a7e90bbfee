//! When a duplicate is held to be real.

use std::time::Duration;

/// Duplicates of any kind that follow each other are borne so many times as long as one and the same.
const ANY: u32 = 10;

/// The duplicates that one piece of work has met in a row.
///
/// Unique values that move between rows collide for a moment, and while much is to be caught up with, one such collision
/// follows the other. Only one that stays is real.
#[derive(Default)]
pub(super) struct Duplicates {
    /// When the first one was met.
    since: Option<Duration>,
    /// The latest one, as it was reported, and when it was met first.
    latest: Option<(String, Duration)>,
}

impl Duplicates {
    /// Takes note of one; whether it is real.
    pub(super) fn met(&mut self, duplicate: &str, now: Duration, grace: Duration) -> bool {
        let since = *self.since.get_or_insert(now);
        let lasting_since = match &self.latest {
            Some((latest, first)) if latest == duplicate => *first,
            _ => now,
        };
        self.latest = Some((duplicate.to_owned(), lasting_since));
        now - lasting_since >= grace || now - since >= grace * ANY
    }

    /// How long they have been met by now.
    pub(super) fn age(&self, now: Duration) -> Duration {
        self.since.map_or(Duration::ZERO, |since| now - since)
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

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn one_that_stays_is_real() {
        let mut duplicates = Duplicates::default();
        assert!(!duplicates.met("a", at(5), GRACE));
        assert!(!duplicates.met("a", at(64), GRACE));
        assert!(duplicates.met("a", at(65), GRACE));
    }

    #[test]
    fn others_that_follow_each_other_are_borne_longer() {
        let mut duplicates = Duplicates::default();
        assert!((0..20).all(|n| !duplicates.met(&n.to_string(), at(n * 30), GRACE)));
        assert!(duplicates.met("20", at(600), GRACE));
    }

    #[test]
    fn work_that_is_done_begins_anew() {
        let mut duplicates = Duplicates::default();
        assert!(!duplicates.met("a", at(0), GRACE));
        assert!(duplicates.clear());
        assert!(!duplicates.clear());
        assert!(!duplicates.met("a", at(100), GRACE));
    }
}

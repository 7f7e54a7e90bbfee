//! How far replicas lag, told by what they have executed of what the primary had executed at known times.
//!
//! No clock but ours takes part, nothing is written for it, and a replica that does not even receive is seen as well as one
//! that executes slowly.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use outlast_core::{GtidSet, ServerUuid};

/// Samples that are kept: at one a second, half an hour.
const MOST_SAMPLES: usize = 1800;
/// For so long after the first sample, a replica that does not have it yet is one that is just receiving it.
const JUST_BEGUN: Duration = Duration::from_secs(2);

/// What a primary had executed, at several times.
#[derive(Default)]
pub(crate) struct Samples {
    of: Option<ServerUuid>,
    taken: VecDeque<(Instant, GtidSet)>,
}

impl Samples {
    /// Takes note of what this server has executed by `now`. Samples of another server are worth nothing.
    pub(crate) fn take(&mut self, server: &ServerUuid, now: Instant, executed: GtidSet) {
        if self.of.as_ref() != Some(server) {
            self.of = Some(server.clone());
            self.taken.clear();
        }
        match self.taken.back_mut() {
            // Whoever has executed it is as of now, too.
            Some((at, newest)) if *newest == executed => *at = now,
            _ => self.taken.push_back((now, executed)),
        }
        while self.taken.len() > MOST_SAMPLES {
            self.taken.pop_front();
        }
    }

    /// How far behind somebody is, at least, who had executed this by `now`: the age of the oldest sample that it lacks. `None` if
    /// that is the very first one, so that nobody knows.
    pub(crate) fn lag(&self, now: Instant, executed: &GtidSet) -> Option<Duration> {
        let first_lacking = self.taken.partition_point(|(_, sample)| sample.is_subset(executed));
        let Some((at, _)) = self.taken.get(first_lacking) else {
            return Some(Duration::ZERO);
        };
        let lag = now.saturating_duration_since(*at);
        (first_lacking > 0 || lag < JUST_BEGUN).then_some(lag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    const B: &str = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn set(to: u64) -> GtidSet {
        format!("{A}:1-{to}").parse().unwrap_or_default()
    }

    fn samples(begun: Instant) -> Samples {
        let mut samples = Samples::default();
        for second in 0..10 {
            samples.take(
                &ServerUuid::new(A),
                begun + Duration::from_secs(second),
                set(100 + second),
            );
        }
        samples
    }

    #[test]
    fn a_replica_lags_since_the_first_sample_that_it_lacks() {
        let begun = Instant::now();
        let now = begun + Duration::from_secs(9);
        let lag = |executed| samples(begun).lag(now, &set(executed)).map(|lag| lag.as_secs());
        assert_eq!((lag(109), lag(200), lag(105)), (Some(0), Some(0), Some(3)));
        // However often samples are taken, one that is as good as up to date hardly lags.
        assert_eq!(lag(108), Some(0));
    }

    #[test]
    fn the_lag_of_a_replica_that_has_none_of_the_samples_is_not_known() {
        let begun = Instant::now();
        assert_eq!(samples(begun).lag(begun + Duration::from_secs(9), &set(7)), None);
    }

    #[test]
    fn a_replica_that_is_just_receiving_the_first_sample_does_not_lag() {
        let begun = Instant::now();
        let mut samples = Samples::default();
        samples.take(&ServerUuid::new(A), begun, set(100));
        let soon = begun + Duration::from_millis(500);
        assert_eq!(samples.lag(soon, &set(99)), Some(Duration::from_millis(500)));
        assert_eq!(samples.lag(begun + JUST_BEGUN, &set(99)), None);
    }

    #[test]
    fn where_nothing_is_written_nobody_lags() {
        let begun = Instant::now();
        let mut samples = samples(begun);
        let later = begun + Duration::from_secs(600);
        samples.take(&ServerUuid::new(A), later, set(109));
        assert_eq!(samples.lag(later, &set(109)), Some(Duration::ZERO));
    }

    #[test]
    fn another_primary_begins_anew() {
        let begun = Instant::now();
        let mut samples = samples(begun);
        let later = begun + Duration::from_secs(60);
        samples.take(&ServerUuid::new(B), later, set(300));
        assert_eq!(samples.lag(later, &set(7)), Some(Duration::ZERO));
    }

    #[test]
    fn samples_are_bounded() {
        let begun = Instant::now();
        let mut samples = Samples::default();
        for number in 0..5000 {
            samples.take(
                &ServerUuid::new(A),
                begun + Duration::from_secs(number),
                set(1 + number),
            );
        }
        assert_eq!(samples.taken.len(), MOST_SAMPLES);
    }
}

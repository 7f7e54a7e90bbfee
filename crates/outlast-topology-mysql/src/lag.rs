//! How far replicas lag, told by what they have executed of what the primary had executed at known times.
//!
//! No clock but ours takes part, nothing is written for it, and a replica that does not even receive is seen as well as one
//! that executes slowly.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use outlast_core::GtidSet;

/// Samples that are kept: at one a second, half an hour.
const MOST_SAMPLES: usize = 1800;

/// What a primary had executed, at several times.
#[derive(Default)]
pub(crate) struct Samples {
    of: String,
    taken: VecDeque<(Instant, GtidSet)>,
}

impl Samples {
    /// Takes note of what the server with this uuid has executed by `now`. Samples of another server are worth nothing.
    pub(crate) fn take(&mut self, server: &str, now: Instant, executed: GtidSet) {
        if self.of != server {
            *self = Self {
                of: server.to_owned(),
                taken: VecDeque::new(),
            };
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

    /// How far behind somebody is who has executed this, at least.
    pub(crate) fn lag(&self, now: Instant, executed: &GtidSet) -> Duration {
        let has = |(_, sample): &&(Instant, GtidSet)| sample.is_subset(executed);
        let since = self.taken.iter().rev().find(has).or(self.taken.front());
        since.map_or(Duration::ZERO, |(at, _)| now.saturating_duration_since(*at))
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
            samples.take(A, begun + Duration::from_secs(second), set(100 + second));
        }
        samples
    }

    #[test]
    fn a_replica_lags_since_the_last_sample_that_it_has() {
        let begun = Instant::now();
        let now = begun + Duration::from_secs(9);
        let lag = |executed| samples(begun).lag(now, &set(executed)).as_secs();
        assert_eq!((lag(109), lag(200), lag(105)), (0, 0, 4));
    }

    #[test]
    fn of_a_replica_that_has_none_of_the_samples_the_least_lag_is_told() {
        let begun = Instant::now();
        assert_eq!(
            samples(begun).lag(begun + Duration::from_secs(9), &set(7)),
            Duration::from_secs(9)
        );
    }

    #[test]
    fn where_nothing_is_written_nobody_lags() {
        let begun = Instant::now();
        let mut samples = samples(begun);
        let later = begun + Duration::from_secs(600);
        samples.take(A, later, set(109));
        assert_eq!(samples.lag(later, &set(109)), Duration::ZERO);
    }

    #[test]
    fn another_primary_begins_anew() {
        let begun = Instant::now();
        let mut samples = samples(begun);
        let later = begun + Duration::from_secs(60);
        samples.take(B, later, set(300));
        assert_eq!(samples.lag(later, &set(7)), Duration::ZERO);
    }

    #[test]
    fn samples_are_bounded() {
        let begun = Instant::now();
        let mut samples = Samples::default();
        for number in 0..5000 {
            samples.take(A, begun + Duration::from_secs(number), set(1 + number));
        }
        assert_eq!(samples.taken.len(), MOST_SAMPLES);
    }
}

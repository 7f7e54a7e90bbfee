//! What an application saw, statement by statement.

use std::{collections::BTreeMap, time::Duration};

use crate::figures::{greatest, percentile};

/// One statement; times since the load began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// When it should have been sent.
    pub(crate) due: Duration,
    pub(crate) replied: Duration,
}

/// All statements of a load.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) samples: Vec<Sample>,
    /// Those that the server refused, by its messages.
    pub(crate) errors: BTreeMap<String, u64>,
}

/// A part of a load, between two moments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// Replies a second.
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) longest_ms: f64,
}

impl Trace {
    /// What was replied, and how long what was due had to wait, between two moments. `None` if nothing was due.
    pub(crate) fn window(&self, from: Duration, to: Duration) -> Option<Window> {
        let is_within = |moment: Duration| from <= moment && moment < to;
        let replied = self.samples.iter().filter(|sample| is_within(sample.replied)).count();
        let due = self.samples.iter().filter(|sample| is_within(sample.due));
        let mut waits: Vec<f64> = due
            .map(|sample| sample.replied.saturating_sub(sample.due).as_secs_f64() * 1e3)
            .collect();
        waits.sort_by(f64::total_cmp);
        Some(Window {
            per_second: replied as f64 / to.saturating_sub(from).as_secs_f64().max(1e-6),
            p50_ms: percentile(&waits, 0.5)?,
            p99_ms: percentile(&waits, 0.99)?,
            longest_ms: greatest(&waits)?,
        })
    }

    /// What the server refused, in a sentence; nothing if all went well.
    pub(crate) fn complaint(&self) -> Option<String> {
        let (message, _) = self.errors.first_key_value()?;
        let count: u64 = self.errors.values().sum();
        Some(format!(
            "{count} statements of the application failed, one with: {message}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_could_not_be_sent_in_time_counts_from_when_it_was_due() {
        let ms = Duration::from_millis;
        let sample = |due, replied| Sample {
            due: ms(due),
            replied: ms(replied),
        };
        let trace = Trace {
            // The server stood still from 10 to 50.
            samples: vec![sample(0, 1), sample(10, 50), sample(20, 51), sample(60, 61)],
            ..Trace::default()
        };
        let window = trace.window(ms(10), ms(60));
        let window = window.map(|window| (window.per_second, window.p50_ms, window.longest_ms));
        assert_eq!(window, Some((40.0, 31.0, 40.0)));
        assert!(trace.window(ms(100), ms(200)).is_none());
    }
}

//! What must hold on a machine with two cores, with a million rows.

use serde::{Deserialize, Serialize};

/// A limit for a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bar {
    AtMost(f64),
    AtLeast(f64),
}

pub(crate) const COPY: Bar = Bar::AtMost(0.85);
pub(crate) const COPY_WITH_DEFERRED_INDEXES: Bar = Bar::AtMost(0.70);
pub(crate) const THROUGHPUT_KEPT: Bar = Bar::AtLeast(0.98);
pub(crate) const LATENCY: Bar = Bar::AtMost(1.5);
pub(crate) const CLOSED_LOOP_KEPT: Bar = Bar::AtLeast(0.75);
pub(crate) const CATCH_UP: Bar = Bar::AtLeast(15_000.0);
pub(crate) const STALL: Bar = Bar::AtMost(2.0);
pub(crate) const LONGEST_STALL: Bar = Bar::AtMost(5.0);
pub(crate) const FIRST_PROGRESS: Bar = Bar::AtMost(3.0);
/// In mebibytes.
pub(crate) const MEMORY: Bar = Bar::AtMost(64.0);
/// "Flat", in a number: what five times the rows may add.
pub(crate) const MEMORY_GROWTH: Bar = Bar::AtMost(1.25);
pub(crate) const CPU: Bar = Bar::AtMost(0.05);

impl Bar {
    pub(crate) fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }

    /// How much of what is allowed is used: up to 1 it is met, whichever way the bar looks.
    pub(crate) fn used_by(self, value: f64) -> f64 {
        let (used, of) = match self {
            Self::AtMost(limit) => (value, limit),
            Self::AtLeast(limit) => (limit, value),
        };
        if of > 0.0 { used / of } else { f64::INFINITY }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_met_as_long_as_no_more_than_all_of_it_is_used() {
        for (bar, good, bad) in [(Bar::AtMost(2.0), 1.0, 3.0), (Bar::AtLeast(2.0), 3.0, 1.0)] {
            assert!(bar.is_met_by(good) && bar.used_by(good) < 1.0);
            assert!(!bar.is_met_by(bad) && bar.used_by(bad) > 1.0);
            assert!(bar.is_met_by(2.0) && bar.used_by(2.0) == 1.0);
        }
    }
}

//! How many lanes copy at a time: one more is tried, and stays if that makes the copy faster.

use std::time::Duration;

/// Lanes at the beginning: one copies while the other waits for its commit.
const FIRST: u32 = 2;
/// Over so long the copy's speed is measured.
const WINDOW: Duration = Duration::from_secs(1);
/// By what a further lane has to make the copy faster to stay.
const WORTH_IT: f64 = 1.05;
/// Windows after a vain trial until the next one; twice as many after each further one.
const FIRST_REST: u32 = 8;
const LONGEST_REST: u32 = 256;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Lanes {
    most: u32,
    working: u32,
    /// The beginning of a window, and the rows copied since.
    window: Option<(Duration, u64)>,
    /// Rows per second before one more lane was tried.
    before: Option<f64>,
    /// Windows until the next trial.
    rest: u32,
    /// The same after the last vain trial.
    last_rest: u32,
}

impl Lanes {
    /// So many, whatever comes of it.
    pub(super) fn fixed(lanes: u32) -> Self {
        Self {
            working: lanes,
            ..Self::at_most(lanes)
        }
    }

    /// At most so many lanes.
    pub(super) fn at_most(most: u32) -> Self {
        Self {
            most,
            working: FIRST.min(most),
            window: None,
            before: None,
            rest: 1,
            last_rest: 0,
        }
    }

    /// How many there may ever be.
    pub(super) fn most(&self) -> u32 {
        self.most
    }

    /// How many are to work where nothing holds them back.
    pub(super) fn working(&self) -> u32 {
        self.working
    }

    /// A chunk of so many rows has ended at `now`, which is a time since any fixed moment. Of a copy that is held back on purpose,
    /// `hindered`, the speed tells nothing: a trial ends, and no other begins.
    pub(super) fn copied(&mut self, rows: u64, now: Duration, hindered: bool) {
        if hindered {
            self.window = None;
            if self.before.take().is_some() {
                self.working -= 1;
            }
            return;
        }
        let Some((begun, copied)) = &mut self.window else {
            self.window = Some((now, 0));
            return;
        };
        *copied += rows;
        let taken = now.saturating_sub(*begun);
        if taken >= WINDOW {
            let rate = *copied as f64 / taken.as_secs_f64();
            self.window = Some((now, 0));
            self.judge(rate);
        }
    }

    fn judge(&mut self, rate: f64) {
        if self.before.take().is_some_and(|before| rate < before * WORTH_IT) {
            self.working -= 1;
            self.last_rest = (self.last_rest * 2).clamp(FIRST_REST, LONGEST_REST);
            self.rest = self.last_rest;
            return;
        }
        self.rest = self.rest.saturating_sub(1);
        if self.rest == 0 && self.working < self.most {
            self.before = Some(rate);
            self.working += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Copies for so many seconds on a server that copies `rates[n - 1]` rows a second with n lanes. Returns the number of lanes
    /// in each second.
    fn copy(lanes: &mut Lanes, seconds: u64, rates: [u64; 4]) -> Vec<u32> {
        let chunks = |second: u64| (0..4).map(move |quarter| Duration::from_millis(second * 1000 + quarter * 250));
        let mut worked = Vec::new();
        for second in 0..seconds {
            worked.push(lanes.working);
            for now in chunks(second) {
                lanes.copied(rates[lanes.working as usize - 1] / 4, now, false);
            }
        }
        worked
    }

    #[test]
    fn lanes_are_added_while_the_copy_gets_faster() {
        let mut lanes = Lanes::at_most(4);
        let worked = copy(&mut lanes, 10, [1000, 2000, 3000, 4000]);
        assert_eq!((worked[0], lanes.working()), (2, 4), "{worked:?}");
    }

    #[test]
    fn a_lane_that_brings_nothing_goes_again_and_is_rarely_tried_again() {
        let mut lanes = Lanes::at_most(4);
        let worked = copy(&mut lanes, 1000, [1000, 2000, 2050, 2100]);
        let trials = worked.iter().filter(|lanes| **lanes > 2).count();
        assert!((4..20).contains(&trials), "{trials}");
        assert!(worked.iter().all(|lanes| (2..=3).contains(lanes)));
    }

    #[test]
    fn a_number_that_is_set_stays() {
        let mut lanes = Lanes::fixed(3);
        assert_eq!(lanes.most(), 3);
        assert_eq!(copy(&mut lanes, 30, [1000, 2000, 3000, 4000]), [3; 30]);
    }

    #[test]
    fn there_are_never_more_than_allowed() {
        let mut lanes = Lanes::at_most(1);
        assert!(copy(&mut lanes, 10, [1000; 4]).iter().all(|lanes| *lanes == 1));
    }

    #[test]
    fn what_is_held_back_gets_no_further_lane() {
        let mut lanes = Lanes::at_most(4);
        copy(&mut lanes, 3, [1000, 2000, 3000, 4000]);
        let before = lanes.working;
        assert!(lanes.before.is_some(), "one is being tried: {lanes:?}");
        for second in 3..100 {
            lanes.copied(1000, Duration::from_secs(second), true);
        }
        assert_eq!(lanes.working, before - 1, "{lanes:?}");
    }
}

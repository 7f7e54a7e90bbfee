//! What the copy costs applications: now and then it rests for a moment, and what their statements take then is compared with what
//! they take while rows are copied. The copy gets the share of time with which they take no longer than allowed.

use std::{
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::{Either, select};

use super::Run;
use crate::{
    error::Result,
    ledger::Ledger,
    scheduler::Ending,
    throttle::{Activity, Pace},
};

/// Where less is done, in statements per second, nothing is compared: too few to tell from, and too few to hurt.
const BUSY: f64 = 100.0;
/// How long applications are watched while rows are copied: several chunks, and the rests between them.
const WORKING: Duration = Duration::from_secs(1);
/// How long while the copy rests, at most; less where that many statements have ended before.
const LONGEST_REST: Duration = Duration::from_secs(1);
const SHORTEST_REST: Duration = Duration::from_millis(250);
const ENOUGH_STATEMENTS: f64 = 200.0;
/// Time between two comparisons: of a copy that is held back, and of one that hurts nobody.
const SOON: Duration = Duration::from_secs(2);
const LATER: Duration = Duration::from_secs(5);
/// How long chunks that were begun may take to end before a rest is given up, and how much longer than it is meant to take a look may.
const PATIENCE: Duration = Duration::from_secs(2);
/// Share of its time that a copy always works: it ends some day, whatever it costs.
const LEAST_SHARE: f64 = 0.05;
/// Weight of a comparison beside what those before have said.
const WEIGHT: f64 = 0.4;

/// How much is due to applications.
#[derive(Debug, Default)]
pub(super) struct Courtesy {
    /// The pace that hurts no more than allowed.
    pub(super) pace: Pace,
    /// By how much their statements may take longer, in percent; 0 is no limit.
    allowed: u64,
    /// No chunk is begun.
    resting: bool,
    /// By what part statements take longer while the copy works all the time.
    cost: Option<f64>,
}

impl Courtesy {
    /// Nothing holds the copy back any more, and nothing is known.
    fn forget(&mut self) {
        self.pace = Pace::default();
        self.cost = None;
    }

    /// Learns from a comparison: what applications did while rows were copied in this share of the time, and while none were.
    fn learn(&mut self, share: f64, copying: Activity, resting: Activity) {
        let while_copying = copying.statement_time().as_secs_f64();
        let at_rest = resting.statement_time().as_secs_f64();
        if at_rest <= 0.0 || while_copying <= 0.0 || self.allowed == 0 {
            return self.forget();
        }
        let met = (while_copying / at_rest - 1.0) / share;
        let cost = match self.cost {
            None => met,
            Some(cost) => cost + WEIGHT * (met - cost),
        };
        self.cost = Some(cost);
        let allowed = self.allowed as f64 / 100.0;
        let share = (allowed / cost.max(allowed)).max(LEAST_SHARE);
        self.pace = match share < 1.0 {
            true => Pace {
                share,
                cause: "statements of applications take longer".to_owned(),
                reason: format!(
                    "statements of applications take {:.1} ms while rows are copied, {:.1} ms while none are, limit {} % more",
                    while_copying * 1000.0,
                    at_rest * 1000.0,
                    self.allowed
                ),
            },
            false => Pace::default(),
        };
    }
}

impl Run {
    pub(super) fn courtesy(&self) -> MutexGuard<'_, Courtesy> {
        self.courtesy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By how many percent the statements of applications may take longer; 0 is no limit.
    pub(super) fn may_slow_down_by(&self, percent: u64) {
        let mut courtesy = self.courtesy();
        if courtesy.allowed != percent {
            courtesy.allowed = percent;
            courtesy.forget();
            self.changed.notify_waiters();
        }
    }

    fn has_to_be_courteous(&self) -> bool {
        self.courtesy().allowed > 0
    }

    /// Waits while no chunk is to be begun.
    pub(super) async fn until_copying_is_allowed(&self) {
        self.until(|_| (!self.copy_rests() && !self.pace().is_stopped()).then_some(()))
            .await;
    }

    /// Whether no chunk is to be begun because applications are watched without the copy.
    pub(super) fn copy_rests(&self) -> bool {
        self.courtesy().resting
    }

    /// Compares at intervals what applications do while rows are copied and while none are, where there is a limit to that. Never ends.
    pub(super) async fn watch_applications(&self) -> Result<Ending> {
        let settings = &self.services.settings;
        loop {
            let copies = |ledger: &mut Ledger| !ledger.copy_is_complete() && !self.pace().is_stopped();
            self.until(|ledger| (self.has_to_be_courteous() && copies(ledger)).then_some(()))
                .await;
            let share = self.pace().share.max(LEAST_SHARE);
            let pause = match self.watched(WORKING).await {
                Ok(Some(copying)) if copying.per_second >= BUSY => {
                    if let Ok(Some(resting)) = self.watched_at_rest(copying.per_second).await {
                        self.courtesy().learn(share, copying, resting);
                    }
                    if self.courtesy().pace.share < 1.0 { SOON } else { LATER }
                }
                Ok(_) => {
                    self.courtesy().forget();
                    settings.gauge_interval
                }
                // What is known stays.
                Err(_) => SOON,
            };
            self.ledger_changed();
            self.services.clock.sleep(pause).await;
        }
    }

    /// What applications do while no chunk is under way; `None` where that can't be seen.
    async fn watched_at_rest(&self, per_second: f64) -> Result<Option<Activity>> {
        let time = Duration::from_secs_f64(ENOUGH_STATEMENTS / per_second).clamp(SHORTEST_REST, LONGEST_REST);
        self.courtesy().resting = true;
        let at_rest = Box::pin(self.until(|ledger| ledger.no_chunk_is_under_way().then_some(())));
        let seen = match select(at_rest, Box::pin(self.services.clock.sleep(PATIENCE))).await {
            Either::Left(_) => self.watched(time).await,
            Either::Right(_) => {
                tracing::warn!(
                    "chunks take longer than {PATIENCE:?}: what the copy costs applications can't be told, and is not limited"
                );
                Ok(None)
            }
        };
        self.courtesy().resting = false;
        seen
    }

    /// What applications do in the time to come; `None` where that can't be seen.
    async fn watched(&self, over: Duration) -> Result<Option<Activity>> {
        let activity = self.services.gauge.activity(&self.lease.server, over);
        let seen = self.answered_within(over + PATIENCE, activity).await;
        if let Err(error) = &seen {
            tracing::debug!(%error, "what applications do is not known this time");
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f64 = 1000.0;

    fn taking(milliseconds: f64) -> Activity {
        Activity {
            per_second: RATE,
            under_way: RATE * milliseconds / 1000.0,
        }
    }

    fn allowing(percent: u64) -> Courtesy {
        Courtesy {
            allowed: percent,
            ..Courtesy::default()
        }
    }

    #[test]
    fn who_hurts_nobody_is_not_held_back() {
        for copying in [1.0, 1.9, 2.0, 2.39] {
            let mut courtesy = allowing(20);
            courtesy.learn(1.0, taking(copying), taking(2.0));
            assert_eq!(courtesy.pace, Pace::default());
        }
    }

    /// A server on which statements take longer by `cost` while a copy works all the time.
    #[test]
    fn the_copy_gets_the_share_with_which_statements_take_no_longer_than_allowed() {
        for (cost, expected) in [(0.4, 0.5), (1.0, 0.2), (100.0, LEAST_SHARE)] {
            let mut courtesy = allowing(20);
            for _ in 0..20 {
                let slower = 2.0 * (1.0 + cost * courtesy.pace.share);
                courtesy.learn(courtesy.pace.share, taking(slower), taking(2.0));
            }
            let share = courtesy.pace.share;
            assert!((share - expected).abs() < 0.01, "{cost}: {share}");
            assert!(courtesy.pace.reason.contains("2.0 ms while none"), "{courtesy:?}");
        }
    }

    #[test]
    fn a_copy_speeds_up_again_when_the_application_is_not_hurt_any_more() {
        let mut courtesy = allowing(20);
        courtesy.learn(1.0, taking(8.0), taking(2.0));
        assert!(courtesy.pace.share < 0.1);
        let mut looks = 0;
        while courtesy.pace.share < 1.0 {
            let before = courtesy.pace.share;
            courtesy.learn(before, taking(2.0), taking(2.0));
            assert!(courtesy.pace.share > before);
            looks += 1;
        }
        assert!((3..10).contains(&looks), "{looks}");
    }

    #[test]
    fn without_a_limit_nothing_is_held_back() {
        let mut courtesy = allowing(20);
        courtesy.learn(1.0, taking(8.0), taking(2.0));
        courtesy.allowed = 0;
        courtesy.learn(1.0, taking(8.0), taking(2.0));
        assert_eq!((courtesy.pace, courtesy.cost), (Pace::default(), None));
    }
}

//! How fast a migration may go: what users allow, what the cluster suffers, and the pace that follows.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{error::Result, ids::Server};

/// Replicas may lag by this much, in milliseconds, where nobody says otherwise.
pub const DEFAULT_MAX_LAG_MS: u64 = 10_000;

/// Below this part of a limit, nothing is held back.
const AT_EASE: f64 = 0.5;
/// Share of its time that a migration still works just below a limit.
const LEAST_SHARE: f64 = 0.1;
/// The longest rest after a piece of work.
const LONGEST_REST: Duration = Duration::from_secs(5);
/// By what a share grows from one look to the next: slowly, so that what it causes is seen in time.
const GROWTH: f64 = 1.25;

/// What a migration must not add to. Stored on the cluster, for all migrations or for one, and changed while they run.
///
/// `None` leaves it to the next scope, in this order: what was set for the migration while it runs, what it was submitted with, what is
/// set for the whole cluster, the [default](Limits::defaults). 0, or an empty text, is no limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Nothing is copied or applied until this is taken back.
    pub stopped: bool,
    /// Lag of the replica that lags most, in milliseconds. A replica whose lag is not known counts as lagging.
    pub max_lag_ms: Option<u64>,
    /// `Threads_running` of the primary.
    pub max_threads_running: Option<u64>,
    /// Length of InnoDB's history list on the primary: undo that is not purged, in transactions.
    pub max_history_length: Option<u64>,
    /// Mean time of a COMMIT on the primary, in milliseconds.
    pub max_commit_ms: Option<u64>,
    /// By how much the copy may make the statements of applications take longer, in percent of their time without it.
    pub max_slowdown: Option<u64>,
    /// A query that gives one number; nothing is copied or applied while it is above 0.
    pub query: Option<String>,
    /// Nothing is copied or applied while the agent's machine has a file of this name.
    pub flag_file: Option<String>,
}

impl Limits {
    /// What holds where nobody says anything.
    pub fn defaults() -> Self {
        Self {
            max_lag_ms: Some(DEFAULT_MAX_LAG_MS),
            ..Self::default()
        }
    }

    /// These limits, and where they say nothing, those of a wider scope.
    #[must_use]
    pub fn within(self, wider: &Self) -> Self {
        Self {
            stopped: self.stopped || wider.stopped,
            max_lag_ms: self.max_lag_ms.or(wider.max_lag_ms),
            max_threads_running: self.max_threads_running.or(wider.max_threads_running),
            max_history_length: self.max_history_length.or(wider.max_history_length),
            max_commit_ms: self.max_commit_ms.or(wider.max_commit_ms),
            max_slowdown: self.max_slowdown.or(wider.max_slowdown),
            query: self.query.or_else(|| wider.query.clone()),
            flag_file: self.flag_file.or_else(|| wider.flag_file.clone()),
        }
    }
}

/// One thing that a cluster suffers from, in relation to its limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Pressure {
    /// What was measured, divided by its limit: from 1 on, the migration stops.
    pub ratio: f64,
    /// What is measured, in the same words each time.
    pub cause: String,
    /// For people: the same, with how much it is, and the limit.
    pub reason: String,
}

/// What applications do on a server: a mean over a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activity {
    /// Statements that end in a second.
    pub per_second: f64,
    /// Statements that are under way at any moment.
    pub under_way: f64,
}

impl Activity {
    /// Mean time of a statement, by Little's law; zero where there are none.
    pub fn statement_time(&self) -> Duration {
        match self.per_second > 0.0 {
            true => Duration::try_from_secs_f64(self.under_way / self.per_second).unwrap_or(Duration::MAX),
            false => Duration::ZERO,
        }
    }
}

/// Measures what a cluster suffers.
#[async_trait]
pub trait Gauge: Send + Sync {
    /// What these limits are about, as far as they are set; `primary` is the server that is written to. What can't be measured
    /// counts as being at its limit, with a reason that says so. Changes nothing. Called about once a second.
    ///
    /// # Errors
    /// Those of the primary, classified. Other servers that can't be reached are no error.
    async fn pressures(&self, primary: &Server, limits: &Limits) -> Result<Vec<Pressure>>;

    /// What applications do on the primary, watched `over` a while, or a little longer; `None` where the server does not tell. What
    /// migrations do there counts neither as ended nor as under way. Changes nothing.
    ///
    /// # Errors
    /// Those of the primary, classified.
    async fn activity(&self, primary: &Server, over: Duration) -> Result<Option<Activity>>;
}

/// A gauge that sees nothing: nobody suffers.
pub struct AtEase;

#[async_trait]
impl Gauge for AtEase {
    async fn pressures(&self, _: &Server, _: &Limits) -> Result<Vec<Pressure>> {
        Ok(Vec::new())
    }

    async fn activity(&self, _: &Server, _: Duration) -> Result<Option<Activity>> {
        Ok(None)
    }
}

/// How fast a migration goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Pace {
    /// Share of its time in which it works, from 0 (not at all) to 1 (all the time).
    pub share: f64,
    /// Why it is below 1, without figures; empty if it is not.
    pub cause: String,
    /// The same for people, with figures.
    pub reason: String,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            share: 1.0,
            cause: String::new(),
            reason: String::new(),
        }
    }
}

impl Pace {
    /// Stands still.
    pub fn stopped(cause: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            share: 0.0,
            cause: cause.into(),
            reason: reason.into(),
        }
    }

    /// Whether nothing may be copied or applied.
    pub fn is_stopped(&self) -> bool {
        self.share <= 0.0
    }

    /// The slower of two.
    #[must_use]
    pub fn or_slower(self, other: Self) -> Self {
        match other.share < self.share {
            true => other,
            false => self,
        }
    }

    /// Of so many lanes, how many are to work, and at which pace each: fewer lanes first, so that what works at a time is less.
    pub fn spread(&self, lanes: u32) -> (u32, Self) {
        let busy = f64::from(lanes) * self.share;
        let working = (busy.ceil() as u32).clamp(1, lanes.max(1));
        let each = Self {
            share: busy / f64::from(working),
            ..self.clone()
        };
        (working, each)
    }

    /// After work that took `taken`, how long to rest for work and rest to have this pace; nothing where it is a stop.
    pub fn rest_after(&self, taken: Duration) -> Duration {
        match self.share {
            share if share <= 0.0 || share >= 1.0 => Duration::ZERO,
            share => taken.mul_f64(1.0 / share - 1.0).min(LONGEST_REST),
        }
    }

    /// The part of `time` that one piece of work should take.
    pub fn part_of(&self, time: Duration) -> Duration {
        time.mul_f64(self.share.clamp(LEAST_SHARE, 1.0))
    }

    /// The pace after another look: slower at once, faster step by step, a stop only at a limit.
    #[must_use]
    pub fn after(&self, pressures: &[Pressure]) -> Self {
        let Some(worst) = pressures.iter().max_by(|a, b| a.ratio.total_cmp(&b.ratio)) else {
            return Self::default();
        };
        let most = match worst.ratio {
            ratio if ratio < AT_EASE => 1.0,
            ratio if ratio < 1.0 => 1.0 - (1.0 - LEAST_SHARE) * (ratio - AT_EASE) / (1.0 - AT_EASE),
            _ => return Self::stopped(&worst.cause, &worst.reason),
        };
        let share = (self.share.max(LEAST_SHARE) * GROWTH).min(most);
        match share < 1.0 {
            true => Self {
                share,
                cause: worst.cause.clone(),
                reason: worst.reason.clone(),
            },
            false => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under(ratio: f64) -> Vec<Pressure> {
        vec![Pressure {
            ratio,
            cause: "lag".to_owned(),
            reason: format!("at {ratio}"),
        }]
    }

    #[test]
    fn a_pace_slows_down_at_once_and_stops_only_at_a_limit() {
        let pace = Pace::default();
        assert_eq!(pace.after(&under(0.4)), Pace::default());
        let slower = pace.after(&under(0.75));
        assert!((0.5..0.6).contains(&slower.share), "{slower:?}");
        let slowest = pace.after(&under(0.999));
        assert!(
            slowest.share >= LEAST_SHARE && !slowest.is_stopped() && slowest.share < 0.11,
            "{slowest:?}"
        );
        let stopped = pace.after(&under(1.0));
        assert!(stopped.is_stopped());
        assert_eq!(stopped.reason, "at 1");
    }

    #[test]
    fn a_pace_grows_step_by_step_to_the_whole() {
        let mut pace = Pace::stopped("", "for a while");
        let mut steps = 0;
        while pace.share < 1.0 {
            let next = pace.after(&under(0.1));
            assert!(next.share > pace.share && next.share <= (pace.share.max(LEAST_SHARE) * GROWTH).min(1.0));
            pace = next;
            steps += 1;
        }
        assert!((8..20).contains(&steps), "{steps}");
    }

    #[test]
    fn the_worst_of_several_pressures_counts() {
        let both = [under(0.2), under(3.0)].concat();
        assert_eq!(Pace::default().after(&both).reason, "at 3");
    }

    #[test]
    fn work_and_rest_have_the_share_of_the_pace() {
        let pace = |share| Pace {
            share,
            ..Pace::default()
        };
        let taken = Duration::from_millis(100);
        assert_eq!(pace(0.25).rest_after(taken), Duration::from_millis(300));
        assert_eq!(pace(0.1).rest_after(Duration::from_secs(9)), LONGEST_REST);
        for none in [0.0, 1.0] {
            assert_eq!(pace(none).rest_after(taken), Duration::ZERO);
        }
        assert_eq!(
            (pace(0.5).part_of(taken), pace(0.0).part_of(taken)),
            (taken / 2, taken / 10)
        );
    }

    #[test]
    fn a_slower_pace_has_fewer_lanes_and_the_same_work() {
        for share in [1.0, 0.9, 0.5, 0.4, 0.1, 0.01] {
            let pace = Pace {
                share,
                ..Pace::default()
            };
            for lanes in 1..=8 {
                let (working, each) = pace.spread(lanes);
                assert!(
                    (1..=lanes).contains(&working) && each.share <= 1.0,
                    "{working} {each:?}"
                );
                let work = f64::from(working) * each.share;
                assert!((work - f64::from(lanes) * share).abs() < 1e-9, "{lanes} {share} {work}");
            }
        }
        let slow = Pace {
            share: 0.5,
            ..Pace::default()
        };
        assert_eq!((slow.spread(4).0, slow.spread(1).0), (2, 1));
    }

    #[test]
    fn a_statement_takes_what_is_under_way_divided_by_what_ends() {
        let activity = |per_second, under_way| Activity { per_second, under_way }.statement_time();
        assert_eq!(activity(2000.0, 4.0), Duration::from_millis(2));
        assert_eq!(activity(0.0, 4.0), Duration::ZERO);
    }

    #[test]
    fn a_narrower_scope_counts_where_it_says_something() {
        let cluster = Limits {
            max_lag_ms: Some(3000),
            max_threads_running: Some(50),
            ..Limits::default()
        };
        let own = Limits {
            max_lag_ms: Some(0),
            ..Limits::default()
        };
        let both = own.within(&cluster).within(&Limits::defaults());
        assert_eq!((both.max_lag_ms, both.max_threads_running), (Some(0), Some(50)));
        let stopped = Limits {
            stopped: true,
            ..Limits::default()
        };
        assert!(Limits::default().within(&stopped).stopped);
        assert_eq!(
            Limits::default().within(&Limits::defaults()).max_lag_ms,
            Some(DEFAULT_MAX_LAG_MS)
        );
    }
}

//! Throttling: a loop that looks how much the cluster suffers, and how copy and catch-up heed it.

use std::{sync::PoisonError, time::Duration};

use futures_util::future::{Either, select, try_join};

use super::Run;
use crate::{
    error::{Error, ErrorKind, Result},
    scheduler::Ending,
    throttle::{Limits, Pace},
};

/// How long one look may take.
const MEASURING: Duration = Duration::from_secs(5);
/// For so long the last pace is kept when nothing can be measured. Then unknown is too much.
const BLIND: Duration = Duration::from_secs(10);

impl Run {
    /// Looks at limits and load at intervals, for ever.
    pub(super) async fn watch_load(&self) -> Result<Ending> {
        let clock = &self.services.clock;
        let mut seen = clock.now();
        loop {
            let pace = match self.answered_within(MEASURING, self.measure()).await {
                Ok(pace) => {
                    seen = clock.now();
                    pace
                }
                Err(error) if clock.now() - seen < BLIND => {
                    tracing::debug!(%error, "the load is not known; the pace stays");
                    self.pace_of_load()
                }
                Err(error) => Pace::stopped(
                    "the load is not known",
                    format!("how much the cluster suffers can't be measured: {error}"),
                ),
            };
            self.set_pace(pace).await;
            clock.sleep(self.services.settings.gauge_interval).await;
        }
    }

    /// What a server answers, unless that takes longer than `limit`.
    pub(super) async fn answered_within<T>(
        &self,
        limit: Duration,
        answer: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        match select(Box::pin(answer), Box::pin(self.services.clock.sleep(limit))).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(Error::new(ErrorKind::ServerGone, format!("no answer within {limit:?}"))),
        }
    }

    async fn measure(&self) -> Result<Pace> {
        let (limits, stopped) = self.limits().await?;
        self.may_slow_down_by(limits.max_slowdown.unwrap_or(0));
        if let Some(reason) = stopped {
            return Ok(Pace::stopped("stopped", reason));
        }
        let pressures = self.services.gauge.pressures(&self.lease.server, &limits).await?;
        Ok(self.pace_of_load().after(&pressures))
    }

    /// What limits this migration, and, if users have stopped it, by which command, and by which it goes on.
    async fn limits(&self) -> Result<(Limits, Option<String>)> {
        let (server, id) = (&self.lease.server, &self.lease.migration);
        let scheduler = &self.services.scheduler;
        let stored = try_join(scheduler.limits_of(server, Some(id)), scheduler.limits_of(server, None));
        let (own, of_all) = stored.await?;
        let stopped = if own.stopped {
            Some(format!(
                "stopped by `outlast throttle {id}`; `outlast unthrottle {id}` lets it go on"
            ))
        } else if of_all.stopped {
            Some("all migrations are stopped by `outlast throttle`; `outlast unthrottle` lets them go on".to_owned())
        } else {
            None
        };
        let submitted = &self.migration.options.limits;
        Ok((
            own.within(submitted).within(&of_all).within(&Limits::defaults()),
            stopped,
        ))
    }

    /// To be called before a run does anything: what users have stopped does not move until the load was looked at, which may take
    /// a while where servers are gone.
    pub(super) async fn heed_stops(&self) {
        let stopped = match self.limits().await {
            Ok((_, stopped)) => stopped,
            Err(error) => Some(format!("its limits can't be read: {error}")),
        };
        if let Some(reason) = stopped {
            self.set_pace(Pace::stopped("stopped", reason)).await;
        }
    }

    /// Signs of life, users' requests and the pace, beside what is done at once.
    pub(super) async fn attend(&self) -> Result<Ending> {
        match select(Box::pin(self.keep_alive()), Box::pin(self.watch_load())).await {
            Either::Left((ending, _)) | Either::Right((ending, _)) => ending,
        }
    }

    async fn set_pace(&self, pace: Pace) {
        let before = std::mem::replace(
            &mut *self.pace.lock().unwrap_or_else(PoisonError::into_inner),
            pace.clone(),
        );
        if before == pace {
            return;
        }
        self.ledger_changed();
        if before.is_stopped() != pace.is_stopped() {
            // Without figures, so that what happens again and again is one line with a count.
            let (kind, detail) = match pace.is_stopped() {
                true => ("throttled", pace.cause),
                false => ("unthrottled", before.cause),
            };
            let (lease, scheduler) = (&self.lease, &self.services.scheduler);
            let noted = scheduler.note(&lease.server, &lease.migration, &lease.agent, kind, &detail);
            if let Err(error) = noted.await {
                tracing::debug!(%error, "a line of history is missing");
            }
        }
    }

    /// The pace that limits on the cluster's load allow.
    pub(super) fn pace_of_load(&self) -> Pace {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The pace of now.
    pub(super) fn pace(&self) -> Pace {
        self.pace_of_load().or_slower(self.courtesy().pace.clone())
    }

    /// Waits while the migration is to stand still.
    pub(super) async fn until_not_stopped(&self) {
        self.until(|_| (!self.pace().is_stopped()).then_some(())).await;
    }

    /// As [`Run::until_not_stopped`], for changes: those that pile up are applied nevertheless from the middle of what may wait on.
    /// Where reading has to pause, binlogs may be purged.
    pub(super) async fn until_applying_is_allowed(&self) {
        let many = self.services.settings.max_backlog / 2;
        self.until(|ledger| (!self.pace().is_stopped() || ledger.is_full(many)).then_some(()))
            .await;
    }
}

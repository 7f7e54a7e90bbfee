//! Throttling: a loop that looks how much the cluster suffers, and how copy and catch-up heed it.

use std::{sync::PoisonError, time::Duration};

use super::Run;
use crate::{
    clock::Clock,
    error::Result,
    scheduler::Ending,
    throttle::{Limits, Pace},
};

/// The longest pause between two chunks of a lane; what would be more is a stop.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// For so long the last pace is kept when nothing can be measured. Then unknown is too much.
const BLIND: Duration = Duration::from_secs(10);

impl Run {
    /// Looks at limits and load at intervals, for ever.
    pub(super) async fn watch_load(&self) -> Result<Ending> {
        let clock = &self.services.clock;
        let mut seen = clock.now();
        loop {
            let pace = match self.measure().await {
                Ok(pace) => {
                    seen = clock.now();
                    pace
                }
                Err(error) if clock.now() - seen < BLIND => {
                    tracing::debug!(%error, "the load is not known; the pace stays");
                    self.pace()
                }
                Err(error) => Pace::stopped(format!("how much the cluster suffers can't be measured: {error}")),
            };
            self.set_pace(pace).await;
            clock.sleep(self.services.settings.gauge_interval).await;
        }
    }

    async fn measure(&self) -> Result<Pace> {
        let (server, id) = (&self.lease.server, &self.lease.migration);
        let scheduler = &self.services.scheduler;
        let own = scheduler.limits_of(server, Some(id)).await?;
        let of_all = scheduler.limits_of(server, None).await?;
        let submitted = &self.migration.options.limits;
        let limits = own.within(submitted).within(&of_all).within(&Limits::defaults());
        let pressures = self.services.gauge.pressures(server, &limits).await?;
        Ok(self.pace().after(&limits, &pressures))
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
            let (kind, detail) = match pace.is_stopped() {
                true => ("throttled", pace.reason.as_str()),
                false => ("unthrottled", before.reason.as_str()),
            };
            let (lease, scheduler) = (&self.lease, &self.services.scheduler);
            let noted = scheduler.note(&lease.server, &lease.migration, &lease.agent, kind, detail);
            if let Err(error) = noted.await {
                tracing::debug!(%error, "a line of history is missing");
            }
        }
    }

    pub(super) fn pace(&self) -> Pace {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits while nothing may be copied, or swapped.
    pub(super) async fn until_copying_is_allowed(&self) {
        self.until(|_| (!self.pace().is_stopped()).then_some(())).await;
    }

    /// Waits while nothing may be applied. Changes that pile up are applied nevertheless from the middle of what may wait on: where
    /// reading has to pause, binlogs may be purged.
    pub(super) async fn until_applying_is_allowed(&self) {
        let many = self.services.settings.max_backlog / 2;
        self.until(|ledger| (!self.pace().is_stopped() || ledger.backlog() > many).then_some(()))
            .await;
    }

    /// After a chunk that took `taken`, rests for as long as the pace asks.
    pub(super) async fn rest(&self, clock: &dyn Clock, taken: Duration) {
        let pace = self.pace();
        if pace.share < 1.0 && !pace.is_stopped() {
            let rest = taken.mul_f64(1.0 / pace.share - 1.0);
            clock.sleep(rest.min(LONGEST_PAUSE)).await;
        }
    }

    /// Time that a chunk should take at this pace.
    pub(super) fn chunk_time(&self) -> Duration {
        self.services
            .settings
            .chunk_time
            .mul_f64(self.pace().share.clamp(0.1, 1.0))
    }
}

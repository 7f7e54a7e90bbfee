//! Signs of life, and users' requests.

use std::sync::atomic::Ordering;

use super::Run;
use crate::{
    error::{Response, Result},
    gtid::GtidSet,
    scheduler::{Ending, Report},
};

impl Run {
    /// Commits liveness, position and folded ranges at intervals, and ends the run when the user cancels.
    pub(super) async fn keep_alive(&self) -> Result<Ending> {
        let settings = &self.services.settings;
        let clock = &self.services.clock;
        let mut last_beat = clock.now();
        let mut recorded = GtidSet::new();
        loop {
            clock
                .sleep(settings.request_interval.min(settings.liveness_interval))
                .await;
            let requests = match self.services.scheduler.requests(&self.lease).await {
                Ok(requests) => requests,
                Err(error) if error.kind().response() == Response::Retry => continue,
                Err(error) => return Err(error),
            };
            if requests.cancel {
                return Ok(Ending::Cancelled);
            }
            if requests.complete {
                self.complete_requested.store(true, Ordering::Relaxed);
                self.ledger_changed();
            }
            if clock.now() - last_beat >= settings.liveness_interval {
                last_beat = clock.now();
                match self.beat(&mut recorded).await {
                    Err(error) if error.kind().response() == Response::Retry => {
                        tracing::debug!(%error, "liveness is tried again");
                    }
                    other => other?,
                }
            }
        }
    }

    pub(super) fn report(&self) -> Report {
        let snapshot = self.snapshot();
        Report {
            rows_copied: snapshot.rows_copied,
            table_rows: snapshot.table_rows,
            eta_seconds: snapshot.eta_seconds,
            message: snapshot.message,
        }
    }

    async fn beat(&self, recorded: &mut GtidSet) -> Result<()> {
        self.services.scheduler.beat(&self.lease, &self.report()).await?;
        self.executed().await?;
        let position = self.ledger().position().clone();
        if position != *recorded {
            self.stream.advance(&position).await?;
            *recorded = position;
        }
        let foldable = self.ledger().foldable();
        if let Some((range, chunks)) = foldable {
            self.stream.fold(range.upto.as_ref(), &chunks).await?;
            self.ledger().folded(&chunks);
        }
        Ok(())
    }
}

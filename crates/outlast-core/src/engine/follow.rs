//! Catch-up: one loop reads the source's changes into the ledger, another applies what the ledger queued.

use std::{sync::atomic::Ordering, time::Duration};

use super::{Run, duplicates::Duplicates, one_row_is_too_big};
use crate::{
    error::{ErrorKind, Response, Result},
    failures::Failures,
    guard::Guard,
    scheduler::Ending,
};

/// Most keys that are read again in one transaction because their unique values moved among them.
const MOST_TOGETHER: usize = 50_000;

impl Run {
    /// Reads changes until an error ends it. Goes on during the cut-over, whose drain waits for it.
    pub(super) async fn read_changes(&self) -> Result<Ending> {
        let position = self.ledger().position().clone();
        let mut changes = self.stream.changes(&position).await?;
        loop {
            let batch = changes.next().await?;
            {
                let mut ledger = self.ledger();
                for change in batch {
                    ledger.record(change);
                }
            }
            self.ledger_changed();
            let limit = self.services.settings.max_backlog;
            self.until(|ledger| (ledger.backlog() <= limit).then_some(())).await;
        }
    }

    /// Applies queued keys, one transaction at a time, until an error ends it.
    pub(super) async fn apply_changes(&self) -> Result<Ending> {
        let mut failures = Failures::default();
        let mut duplicates = Duplicates::default();
        loop {
            self.until(|ledger| ledger.has_queued().then_some(())).await;
            let turn = match Guard::OneApplier.holds() {
                true => Some(self.turn.lock().await),
                false => None,
            };
            // During the cut-over its drain takes what is queued.
            let Some(batch) = self.ledger().take_batch(self.batch.load(Ordering::Relaxed)) else {
                continue;
            };
            let result = self.stream.apply(&batch.keys, &batch.position).await;
            let Err(error) = result else {
                self.ledger().batch_applied(batch);
                drop(turn);
                self.ledger_changed();
                failures.clear();
                if duplicates.clear() {
                    self.batch.store(self.services.settings.max_batch, Ordering::Relaxed);
                }
                self.progressed().await;
                continue;
            };
            let keys = batch.keys.len();
            self.ledger().batch_returned(batch);
            drop(turn);
            match error.kind() {
                ErrorKind::Duplicate => {
                    let grace = Duration::from_millis(self.migration.options.duplicate_grace_ms);
                    if duplicates.met(error.message(), self.services.clock.now(), grace) {
                        return Err(error);
                    }
                    // Values that moved through many rows fit only if those rows are read again together.
                    self.batch.store((keys * 4).clamp(1, MOST_TOGETHER), Ordering::Relaxed);
                    self.wait_by_policy(&mut failures, error).await?;
                }
                kind if kind.response() == Response::Shrink && keys == 1 => return Err(one_row_is_too_big(error)),
                kind if kind.response() == Response::Shrink => self.batch.store(keys / 2, Ordering::Relaxed),
                _ => self.wait_before_retry(&mut failures, error).await?,
            }
        }
    }
}

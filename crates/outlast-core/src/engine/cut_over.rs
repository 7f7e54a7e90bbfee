//! The cut-over: catch up, lock, drain, swap (invariant I8).

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::future::{Either, select};

use super::{Run, one_row_is_too_big};
use crate::{
    error::{Error, ErrorKind, Response, Result},
    failures::Failures,
    gtid::GtidSet,
    guard::Guard,
    ledger::Ledger,
    scheduler::{Ending, Phase},
    stream::CutOver,
};

/// How long few keys are waited for before more will do.
const PATIENCE: Duration = Duration::from_secs(1);

impl Run {
    /// Waits until the shadow is complete, caught up and allowed to take the source's place; then swaps.
    pub(super) async fn cut_over(&self) -> Result<Ending> {
        self.until(|ledger| ledger.copy_is_complete().then_some(())).await;
        if self.view().phase != Phase::Following {
            self.enter(Phase::Following).await?;
        }
        self.build_indexes().await?;
        self.catch_up().await?;
        if !self.completion_requested() {
            self.enter(Phase::Ready).await?;
            self.until(|_| self.completion_requested().then_some(())).await;
        }
        // Whoever has stopped the migration does not expect a swap.
        self.until_not_stopped().await;
        // The intent: from here on, an adopter looks at the tables to learn how it ended.
        if Guard::Intent.holds() {
            self.enter(Phase::CuttingOver).await?;
        }
        let mut failures = Failures::default();
        loop {
            self.until_not_stopped().await;
            self.catch_up().await?;
            self.prepared_transactions_end().await;
            let turn = self.turn.lock().await;
            if self.is_ending.load(Ordering::Relaxed) {
                drop(turn);
                return std::future::pending().await;
            }
            if self.pace().is_stopped() {
                continue;
            }
            match self.attempt().await {
                // The turn is kept to the end: nobody concludes otherwise any more.
                Ok(()) => {
                    self.stream.mend().await?;
                    if let Err(error) = self.services.scheduler.beat(&self.lease, &self.report()).await {
                        tracing::debug!(%error, "the last counts are not stored");
                    }
                    return Ok(Ending::Complete);
                }
                Err(error) => {
                    // Two rows that share a value under the lock may do so for a moment only, as between the application's
                    // insert and its delete. Whether it lasts, the loop that applies changes finds out.
                    let may_pass = error.kind() == ErrorKind::Duplicate;
                    if may_pass || matches!(error.kind().response(), Response::Retry | Response::RetryBounded) {
                        // Before anybody writes the shadow again.
                        self.stream.mend().await?;
                    }
                    drop(turn);
                    self.ledger_changed();
                    match may_pass {
                        true => self.wait_by_policy(&mut failures, error).await?,
                        false => self.wait_before_retry(&mut failures, error).await?,
                    }
                }
            }
        }
    }

    pub(super) fn completion_requested(&self) -> bool {
        self.complete_requested.load(Ordering::Relaxed)
    }

    /// Waits until what was executed at some moment is in the shadow, but for a few keys that the drain applies in a blink.
    ///
    /// Under a steady load something always waits, under a heavy one always much.
    async fn catch_up(&self) -> Result<()> {
        let executed = self.executed().await?;
        let settings = &self.services.settings;
        let mut few = settings.max_keys_to_drain;
        loop {
            let caught_up = Box::pin(self.until(|ledger| ledger.is_caught_up(&executed, few).then_some(())));
            let patience = Box::pin(self.services.clock.sleep(PATIENCE));
            if matches!(select(caught_up, patience).await, Either::Left(_)) {
                return Ok(());
            }
            few = (few * 2).clamp(1, settings.max_batch);
        }
    }

    /// Waits until those XA transactions have ended that are prepared now and have changed the source, for as long as it takes their
    /// application. They hold the table: to try and lock it would be in vain, and would hold up everybody else. Others that come
    /// meanwhile may always do so; the lock is granted between them.
    async fn prepared_transactions_end(&self) {
        let clock = &self.services.clock;
        let begun = clock.now();
        let mut prepared = self.ledger().prepared();
        loop {
            {
                let ledger = self.ledger();
                prepared.retain(|xid| ledger.is_prepared(xid));
            }
            let Some((first, others)) = prepared.split_first() else {
                return;
            };
            let xid = String::from_utf8_lossy(&first.0);
            let others = match others.len() {
                0 => String::new(),
                count => format!(" (and {count} more)"),
            };
            self.say(format!(
                "the swap has waited for {} s for XA transaction {xid}{others}, which has changed the table, and is prepared \
                 and not ended. If its application has forgotten it: XA COMMIT {xid} or XA ROLLBACK {xid}",
                (clock.now() - begun).as_secs()
            ));
            let have_ended = |ledger: &mut Ledger| {
                let are_left = prepared.iter().any(|xid| ledger.is_prepared(xid));
                (!are_left).then_some(())
            };
            let ended = Box::pin(self.until(have_ended));
            let look_again = clock.sleep(self.services.settings.liveness_interval);
            if let Either::Left(_) = select(ended, look_again).await {
                self.say("");
            }
        }
    }

    /// What the server has executed.
    ///
    /// # Errors
    /// `Inconsistent` if the server has forgotten what it had executed.
    pub(super) async fn executed(&self) -> Result<GtidSet> {
        let read = self.ledger().processed().clone();
        let executed = self.stream.executed().await?;
        self.check_history(&read, &executed)?;
        Ok(executed)
    }

    /// The error of a server that has forgotten what it had executed, if it lives and tells that.
    pub(super) async fn forgotten_history(&self) -> Option<Error> {
        let error = self.executed().await.err()?;
        (error.kind() == ErrorKind::Inconsistent).then_some(error)
    }

    /// What was read from the binlog was executed before, and stays so; unless somebody resets the server's GTIDs, whose
    /// numbers then mean other transactions.
    fn check_history(&self, read: &GtidSet, executed: &GtidSet) -> Result<()> {
        let forgotten = read.minus(executed);
        if forgotten.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Inconsistent,
            format!(
                "{} does not know transactions any more that it had executed, and that this migration has read ({}): somebody \
                 has reset its binlogs and GTIDs. What was written since then can't be told from what was copied; clean this \
                 migration up and submit it anew",
                self.lease.server,
                forgotten.shown()
            ),
        ))
    }

    /// One attempt under the locks. An error that passes means that nothing was swapped and nothing is locked.
    async fn attempt(&self) -> Result<()> {
        let mut locked = self.stream.lock().await?;
        let read = self.ledger().processed().clone();
        let executed = locked.executed().await?;
        if let Err(error) = self.check_history(&read, &executed) {
            locked.release().await?;
            return Err(error);
        }
        let drained = match Guard::Drain.holds() {
            true => self.drain(&mut *locked, &executed).await,
            false => Ok(()),
        };
        match drained {
            Ok(()) => locked.swap().await,
            Err(error) => {
                locked.release().await?;
                Err(error)
            }
        }
    }

    /// Brings the shadow up to `executed`, under the locks, within the time the application may be made to wait.
    async fn drain(&self, locked: &mut dyn CutOver, executed: &GtidSet) -> Result<()> {
        let limit = self.services.settings.max_lock_time;
        let mut expired = Box::pin(self.services.clock.sleep(limit));
        loop {
            let next = Box::pin(self.until(|ledger| {
                let batch = ledger.take_batch(self.batch.load(Ordering::Relaxed));
                (batch.is_some() || ledger.is_drained(executed)).then_some(batch)
            }));
            let batch = match select(next, &mut expired).await {
                Either::Left((None, _)) => return Ok(()),
                Either::Left((Some(batch), _)) => batch,
                Either::Right(((), _)) => {
                    return Err(Error::new(
                        ErrorKind::Passing,
                        format!(
                            "the changes made before the lock were not applied within {limit:?}; the application goes on"
                        ),
                    ));
                }
            };
            let keys = batch.keys.len();
            match locked.drain(&batch.keys).await {
                Ok(displaced) => {
                    let mut ledger = self.ledger();
                    ledger.batch_applied(batch);
                    ledger.displaced(displaced);
                }
                Err(error) => {
                    self.ledger().batch_returned(batch);
                    match error.kind().response() {
                        Response::Shrink if keys > 1 => self.shrink_batch(keys),
                        Response::Shrink => return Err(one_row_is_too_big(error)),
                        _ => return Err(error),
                    }
                }
            }
            // The reader may have paused.
            self.ledger_changed();
        }
    }
}

//! Where a run begins: at a checkpoint, at a swap that has happened, or with the preparation of the shadow.

use futures_util::future::{Either, select, try_join};

use super::{Run, told_by_tables};
use crate::{
    checkpoint::Checkpoint,
    error::{Error, ErrorKind, Response, Result},
    failures::Failures,
    scheduler::Ending,
    stream::{OpenStream, SwapState},
};

/// What an earlier owner has left.
pub(super) enum Found {
    /// Everything is done.
    Swapped,
    /// The progress to go on from.
    Checkpoint(Checkpoint),
    /// Nothing is prepared.
    Nothing,
}

/// What a preparation has come to.
pub(super) enum Prepared {
    /// The shadow is there, and progress has begun.
    Begun(Checkpoint),
    /// A user has ended the migration.
    Ended(Ending),
}

/// Looks at tables and checkpoint, and mends what a broken-off swap has left.
pub(super) async fn found(stream: &dyn OpenStream) -> Result<Found> {
    let (swap_state, checkpoint) = try_join(told_by_tables(stream), stream.checkpoint()).await?;
    stream.mend().await?;
    if swap_state == SwapState::Swapped {
        return Ok(Found::Swapped);
    }
    match checkpoint {
        Some(_) if swap_state == SwapState::Unprepared => Err(Error::new(
            ErrorKind::Inconsistent,
            "there is a checkpoint, but the shadow table is gone: somebody dropped it; cancel this migration, clean it up and \
             submit it anew",
        )),
        Some(checkpoint) => Ok(Found::Checkpoint(checkpoint)),
        None => Ok(Found::Nothing),
    }
}

impl Run {
    /// Prepares the shadow, however long something stands in the way: meanwhile the run shows what it waits for, lives, and hears
    /// users' requests.
    pub(super) async fn prepare(&self) -> Result<Prepared> {
        self.heed_stops().await;
        let prepared = Box::pin(self.try_to_prepare());
        // Dropped in the middle, a preparation leaves what the next one removes, or a clean-up.
        match select(prepared, Box::pin(self.attend())).await {
            Either::Left((checkpoint, _)) => checkpoint.map(Prepared::Begun),
            Either::Right((ending, _)) => ending.map(Prepared::Ended),
        }
    }

    async fn try_to_prepare(&self) -> Result<Checkpoint> {
        self.until_not_stopped().await;
        let mut failures = Failures::default();
        while let Err(error) = self.stream.prepare().await {
            // What does not pass by itself ends the run, as everywhere.
            if error.kind().response() != Response::Retry {
                return Err(error);
            }
            let waits_for = error.to_string();
            self.wait_before_retry(&mut failures, error).await?;
            // It is shown until it has come about.
            self.say(waits_for);
        }
        if failures.attempts() > 0 {
            // Not only with the next sign of life: what is stored is not true any more.
            self.say("");
            if let Err(error) = self.services.scheduler.beat(&self.lease, &self.report()).await {
                tracing::debug!(%error, "what was waited for is still stored");
            }
        }
        let begun = self.stream.checkpoint().await?;
        begun.ok_or_else(|| {
            Error::new(
                ErrorKind::Inconsistent,
                "the checkpoint is missing right after it was begun",
            )
        })
    }
}

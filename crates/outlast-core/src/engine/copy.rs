//! Row copy: lanes take key ranges in key order and copy each in one transaction.

use std::time::Duration;

use futures_util::future::try_join_all;

use super::{Run, duplicates::Duplicates, one_row_is_too_big};
use crate::{
    error::{Error, ErrorKind, Response, Result},
    failures::Failures,
    guard::Ends,
    key::KeyRange,
    scheduler::Ending,
    stream::{Collision, Copied},
};

/// Rows of the first chunk, where the user did not say.
const FIRST_CHUNK: u64 = 1000;

/// For so long a collision is tried again as soon as the rows in the way are up to date; then the retry policy decides.
const RESOLVED_AT_ONCE: Duration = Duration::from_secs(2);

/// Before that, the source gets so long to part with a value that it still held twice when the row in the way was read again.
const SAME_AGAIN: Duration = Duration::from_millis(20);

/// Chunk size, shared by the lanes; also the lock under which the next range is chosen.
struct Dispatcher {
    rows: u64,
}

impl Run {
    /// Copies what no chunk has copied yet. Returns only errors: when everything is copied, it waits for ever.
    pub(super) async fn copy_all(&self) -> Result<Ending> {
        let dispatcher = tokio::sync::Mutex::new(Dispatcher {
            rows: self.migration.options.chunk_rows.unwrap_or(FIRST_CHUNK).max(1),
        });
        let ends = Ends::of(&*self.stream).await?;
        self.ledger().set_ends(ends);
        let lanes = self.migration.options.lanes.clamp(1, 64);
        try_join_all((0..lanes).map(|_| self.lane(&dispatcher))).await?;
        std::future::pending().await
    }

    async fn lane(&self, dispatcher: &tokio::sync::Mutex<Dispatcher>) -> Result<()> {
        while let Some((range, planned)) = self.next_range(dispatcher).await? {
            let begun = self.services.clock.now();
            let (range, rows, planned) = self.copy_range(range, planned).await?;
            self.ledger().finish_chunk(&range, rows)?;
            self.ledger_changed();
            if rows > 0 {
                self.progressed().await;
            }
            let taken = self.services.clock.now() - begun;
            let most = self
                .migration
                .options
                .chunk_rows
                .unwrap_or(self.services.settings.max_chunk_rows);
            let pace = self.pace();
            let target = pace.part_of(self.services.settings.chunk_time);
            dispatcher.lock().await.adapt(planned, taken, target, most);
            let pause = Duration::from_millis(self.migration.options.chunk_pause_ms);
            let rest = pause.max(pace.rest_after(taken));
            if !rest.is_zero() {
                self.services.clock.sleep(rest).await;
            }
        }
        Ok(())
    }

    /// Chooses the next range and begins it in the ledger; `None` when no gap is left.
    async fn next_range(&self, dispatcher: &tokio::sync::Mutex<Dispatcher>) -> Result<Option<(KeyRange, u64)>> {
        self.until_not_stopped().await;
        let dispatcher = dispatcher.lock().await;
        let mut failures = Failures::default();
        loop {
            let Some(gap) = self.ledger().first_gap() else {
                return Ok(None);
            };
            match self.stream.boundary(&gap, dispatcher.rows).await {
                Ok(boundary) => {
                    let range = KeyRange {
                        after: gap.after,
                        upto: boundary.or(gap.upto),
                    };
                    self.ledger().begin_chunk(&range)?;
                    return Ok(Some((range, dispatcher.rows)));
                }
                Err(error) => self.wait_before_retry(&mut failures, error).await?,
            }
        }
    }

    /// Copies a range, or as much of its beginning as fits into a transaction. Returns what was copied, the number of rows,
    /// and for how many it was planned in the end.
    async fn copy_range(&self, mut range: KeyRange, mut planned: u64) -> Result<(KeyRange, u64, u64)> {
        let mut failures = Failures::default();
        let mut duplicates = Duplicates::default();
        loop {
            match self.stream.copy(&range).await {
                Ok(Copied::Rows(rows)) => return Ok((range, rows, planned)),
                Ok(Copied::Collision(collision)) => {
                    self.resolve(collision, &mut duplicates, &mut failures).await?;
                }
                Err(error) if error.kind().response() == Response::Shrink && planned > 1 => {
                    planned = (planned / 4).max(1);
                    match self.stream.boundary(&range, planned).await {
                        Ok(Some(upto)) => range = self.ledger().shrink_chunk(&range, upto),
                        Ok(None) => tracing::debug!(?range, planned, "the range has fewer rows than planned"),
                        Err(error) => self.wait_before_retry(&mut failures, error).await?,
                    }
                }
                Err(error) if error.kind().response() == Response::Shrink => {
                    return Err(one_row_is_too_big(error));
                }
                Err(error) => self.wait_before_retry(&mut failures, error).await?,
            }
        }
    }

    /// A unique value of the chunk is held by other rows of the shadow: brings those up to date, for the source may have
    /// moved the value between rows. Held to be real once it has lasted for the grace period.
    async fn resolve(&self, collision: Collision, duplicates: &mut Duplicates, failures: &mut Failures) -> Result<()> {
        let clock = &self.services.clock;
        let grace = Duration::from_millis(self.migration.options.duplicate_grace_ms);
        let error = Error::new(ErrorKind::Duplicate, collision.message);
        let again = duplicates.has_met(&collision.duplicate);
        if duplicates.met(&collision.duplicate, clock.now(), grace) {
            return Err(error.context(format_args!("a duplicate has lasted for {grace:?}")));
        }
        let keys = collision.keys;
        self.ledger().reread(&keys);
        self.ledger_changed();
        self.until(|ledger| (!ledger.any_queued(&keys)).then_some(())).await;
        // The batch that took them ends before its turn does.
        drop(self.turn.lock().await);
        if keys.is_empty() || duplicates.age(clock.now()) >= RESOLVED_AT_ONCE {
            self.wait_by_policy(failures, error).await?;
        } else if again {
            clock.sleep(SAME_AGAIN).await;
        }
        Ok(())
    }
}

impl Dispatcher {
    /// Moves the chunk size towards what takes the target time; at most doubling or halving it at once.
    fn adapt(&mut self, planned: u64, taken: Duration, target: Duration, most: u64) {
        let factor = target.as_secs_f64() / taken.as_secs_f64().max(0.001);
        let wanted = planned as f64 * factor.clamp(0.5, 2.0);
        self.rows = (wanted as u64).clamp(1, most.max(1));
    }
}

//! Row copy: lanes take key ranges in key order and copy each in one transaction.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::try_join_all;

use super::{Run, duplicates::Duplicates, lanes::Lanes, one_row_is_too_big};
use crate::{
    error::{Error, ErrorKind, Response, Result},
    failures::Failures,
    guard::Ends,
    key::KeyRange,
    ledger::Ledger,
    scheduler::Ending,
    stream::{Collision, Copied},
};

/// Rows of the first chunk, where the user did not say.
const FIRST_CHUNK: u64 = 1000;

/// For so long a collision is tried again as soon as the rows in the way are up to date; then the retry policy decides.
const RESOLVED_AT_ONCE: Duration = Duration::from_secs(2);

/// Before that, the source gets so long to part with a value that it still held twice when the row in the way was read again.
const SAME_AGAIN: Duration = Duration::from_millis(20);

/// What the lanes share.
struct Shared {
    /// Held by the lane that chooses its next range.
    choosing: tokio::sync::Mutex<()>,
    /// Chunk size, in rows.
    size: AtomicU64,
    lanes: Mutex<Lanes>,
}

impl Run {
    /// Copies what no chunk has copied yet. Returns only errors: when everything is copied, it waits for ever.
    pub(super) async fn copy_all(&self) -> Result<Ending> {
        let lanes = match self.migration.options.lanes {
            Some(lanes) => Lanes::fixed(lanes.max(1)),
            None => Lanes::at_most(self.services.settings.max_lanes.max(1)),
        };
        let most = lanes.most();
        let shared = Shared {
            choosing: tokio::sync::Mutex::default(),
            size: AtomicU64::new(self.migration.options.chunk_rows.unwrap_or(FIRST_CHUNK).max(1)),
            lanes: Mutex::new(lanes),
        };
        let ends = Ends::of(&*self.stream).await?;
        self.ledger().set_ends(ends);
        try_join_all((0..most).map(|number| self.lane(number, &shared))).await?;
        std::future::pending().await
    }

    async fn lane(&self, number: u32, shared: &Shared) -> Result<()> {
        // A gap may come back after the last one was taken: where a chunk was too big, and is made smaller.
        let may_go_on = |ledger: &mut Ledger| match ledger.copy_is_complete() {
            true => Some(false),
            false => (number < self.working_lanes(shared) && ledger.first_gap().is_some()).then_some(true),
        };
        while self.until(may_go_on).await {
            let Some((range, planned)) = self.next_range(shared).await? else {
                continue;
            };
            let begun = self.services.clock.now();
            let (range, rows, planned) = self.copy_range(range, planned).await?;
            self.ledger().finish_chunk(&range, rows)?;
            let now = self.services.clock.now();
            let taken = now - begun;
            let (options, settings) = (&self.migration.options, &self.services.settings);
            let pace = self.pace();
            let pause = Duration::from_millis(options.chunk_pause_ms);
            let hindered = self.copy_rests() || pace.share < 1.0 || !pause.is_zero();
            shared.lanes().copied(rows, now, hindered);
            self.ledger_changed();
            if rows > 0 {
                self.progressed().await;
            }
            let most = options.chunk_rows.unwrap_or(settings.max_chunk_rows);
            shared.adapt(planned, taken, pace.part_of(settings.chunk_time), most);
            let (_, own) = pace.spread(shared.lanes().working());
            let rest = pause.max(own.rest_after(taken));
            if !rest.is_zero() {
                self.services.clock.sleep(rest).await;
            }
        }
        Ok(())
    }

    /// How many lanes are to work at the pace of now.
    fn working_lanes(&self, shared: &Shared) -> u32 {
        self.pace().spread(shared.lanes().working()).0
    }

    /// Chooses the next range and begins it in the ledger; `None` when no gap is left. Also says for how many rows it is meant.
    async fn next_range(&self, shared: &Shared) -> Result<Option<(KeyRange, u64)>> {
        let _choosing = shared.choosing.lock().await;
        let rows = shared.size.load(Ordering::Relaxed);
        let mut failures = Failures::default();
        loop {
            self.until_copying_is_allowed().await;
            let Some(gap) = self.ledger().first_gap() else {
                return Ok(None);
            };
            match self.stream.boundary(&gap, rows).await {
                Ok(boundary) => {
                    // A rest may have begun meanwhile, which counts on it that no chunk begins.
                    self.until_copying_is_allowed().await;
                    let range = KeyRange {
                        after: gap.after,
                        upto: boundary.or(gap.upto),
                    };
                    self.ledger().begin_chunk(&range)?;
                    return Ok(Some((range, rows)));
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
                        Ok(Some(upto)) => {
                            range = self.ledger().shrink_chunk(&range, upto);
                            self.ledger_changed();
                        }
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
        let error = Error::new(ErrorKind::Duplicate, collision.message);
        let again = duplicates.has_met(&collision.duplicate);
        if self.lasts(duplicates, &collision.duplicate).await? {
            let grace = Duration::from_millis(self.migration.options.duplicate_grace_ms);
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

impl Shared {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the chunk size towards what takes the target time; at most doubling or halving it at once.
    fn adapt(&self, planned: u64, taken: Duration, target: Duration, most: u64) {
        let factor = target.as_secs_f64() / taken.as_secs_f64().max(0.001);
        let wanted = planned as f64 * factor.clamp(0.5, 2.0);
        self.size
            .store((wanted as u64).clamp(1, most.max(1)), Ordering::Relaxed);
    }
}

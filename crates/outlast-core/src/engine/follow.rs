//! Catch-up: one loop reads the source's changes into the ledger, another applies what the ledger queued.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;

use super::{Run, duplicates::Duplicates, one_row_is_too_big};
use crate::{
    error::{ErrorKind, Response, Result},
    failures::Failures,
    gtid::GtidSet,
    guard::Guard,
    key::Key,
    scheduler::Ending,
    stream::Applier,
};

/// Most keys of a batch in which values of a unique index move that can't be looked up: it fits once it has all of the rows.
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
            self.until(|ledger| (!ledger.is_full(limit)).then_some(())).await;
        }
    }

    /// Applies queued keys, one transaction at a time, until an error ends it.
    pub(super) async fn apply_changes(&self) -> Result<Ending> {
        let mut failures = Failures::default();
        let mut duplicates = Duplicates::default();
        let mut crowd = Crowd::default();
        loop {
            self.until(|ledger| ledger.has_queued().then_some(())).await;
            let waiting_since = self.services.clock.now();
            self.until_applying_is_allowed().await;
            let turn = match Guard::OneApplier.holds() {
                true => Some(self.turn.lock().await),
                false => None,
            };
            duplicates.did_not_try(self.services.clock.now() - waiting_since);
            // During the cut-over its drain takes what is queued.
            let appliers = crowd.appliers(self.services.settings.appliers);
            let Some(batch) = self.ledger().take_batch(self.most_keys(appliers)) else {
                continue;
            };
            let result = self.apply(&mut crowd, appliers, &batch.keys, &batch.position).await;
            let Err(error) = result else {
                self.ledger().batch_applied(batch);
                drop(turn);
                self.ledger_changed();
                failures.clear();
                let most = self.services.settings.max_batch;
                let size = self.batch.load(Ordering::Relaxed);
                if duplicates.clear() {
                    self.batch.store(most, Ordering::Relaxed);
                } else if size < most {
                    // It was made smaller, perhaps for a few large rows.
                    self.batch.store((size + size / 16 + 1).min(most), Ordering::Relaxed);
                }
                self.progressed().await;
                continue;
            };
            let keys = batch.keys.len();
            self.ledger().batch_returned(batch);
            drop(turn);
            match error.kind() {
                ErrorKind::Duplicate => {
                    crowd.collided();
                    if error.code().is_none() {
                        // What no server has said is about rows that move faster than they are read, and proves no duplicate.
                        self.shrink_batch(keys);
                    } else if self.lasts(&mut duplicates, error.message()).await? {
                        return Err(error);
                    } else {
                        self.batch.store((keys * 4).clamp(1, MOST_TOGETHER), Ordering::Relaxed);
                    }
                    self.wait_by_policy(&mut failures, error).await?;
                }
                kind if kind.response() == Response::Shrink && keys == 1 => return Err(one_row_is_too_big(error)),
                kind if kind.response() == Response::Shrink => self.shrink_batch(keys),
                _ => self.wait_before_retry(&mut failures, error).await?,
            }
        }
    }

    /// Applies keys, divided among several appliers if there are enough of them. Whatever comes of it, none of them is at work
    /// any more when this returns.
    ///
    /// `position` is true once all keys are applied. One of several appliers knows of its own keys only, so it records what is
    /// true already: else two batches that both failed in part, and were divided differently, could add up to a position that
    /// holds a key which nobody has applied.
    async fn apply(&self, crowd: &mut Crowd, appliers: usize, keys: &[Key], position: &GtidSet) -> Result<()> {
        let appliers = appliers.min(keys.len() / self.services.settings.keys_per_applier);
        if appliers < 2 {
            return self.apply_alone(keys, position).await;
        }
        let parts = divide(keys, appliers);
        let so_far = match Guard::PartPosition.holds() {
            true => self.ledger().position().clone(),
            false => position.clone(),
        };
        let numbered = (0..).zip(&parts);
        let applied = join_all(numbered.map(|(number, part)| self.stream.apply(Applier::OneOf(number), part, &so_far)));
        let mut left = Vec::new();
        for (part, result) in parts.iter().zip(applied.await) {
            match result {
                Ok(displaced) => self.ledger().displaced(displaced),
                // Perhaps they were in each other's way: by a value that moved between their rows, or by locks.
                Err(error) if matches!(error.kind(), ErrorKind::Duplicate | ErrorKind::Passing) => {
                    tracing::debug!(%error, keys = part.len(), "one applier does what several could not");
                    left.push(part);
                }
                Err(error) => return Err(error),
            }
        }
        let Some((last, others)) = left.split_last() else {
            crowd.went_well();
            return Ok(());
        };
        crowd.collided();
        for part in others {
            self.apply_alone(part, &so_far).await?;
        }
        // The others have done theirs.
        self.apply_alone(last, position).await
    }

    async fn apply_alone(&self, keys: &[Key], position: &GtidSet) -> Result<()> {
        let displaced = self.stream.apply(Applier::Alone, keys, position).await?;
        self.ledger().displaced(displaced);
        Ok(())
    }

    /// After a transaction with a batch of so many keys, or a part of them, was too big.
    pub(super) fn shrink_batch(&self, keys: usize) {
        let size = self.batch.load(Ordering::Relaxed).min(keys);
        self.batch.store((size / 2).max(1), Ordering::Relaxed);
    }

    /// Most keys of a batch for so many appliers.
    fn most_keys(&self, appliers: usize) -> usize {
        let most = self.batch.load(Ordering::Relaxed);
        match most < self.services.settings.keys_per_applier {
            // Transactions were too big, and are not divided.
            true => most,
            false => most * appliers,
        }
    }
}

/// Whether batches are divided: after a collision not for a while, which grows with each further one. Where the application moves
/// unique values between rows all the time, several appliers only get in each other's way.
struct Crowd {
    /// Batches that one applier does from now on.
    alone: u32,
    /// How many it was after the last collision.
    penalty: u32,
}

/// The first batch of a run shows that it works, as soon as may be.
impl Default for Crowd {
    fn default() -> Self {
        Self { alone: 1, penalty: 0 }
    }
}

impl Crowd {
    const LEAST: u32 = 8;
    const MOST: u32 = 1024;

    /// How many of so many appliers are to have the next batch.
    fn appliers(&mut self, most: usize) -> usize {
        if self.alone == 0 {
            return most;
        }
        self.alone -= 1;
        1
    }

    fn collided(&mut self) {
        self.penalty = (self.penalty * 2).clamp(Self::LEAST, Self::MOST);
        self.alone = self.penalty;
    }

    fn went_well(&mut self) {
        self.penalty /= 2;
    }
}

/// Divides keys into at most `parts` groups of neighbours, of about the same size. Keys that the server takes for equal stay
/// together (invariant I2).
fn divide(keys: &[Key], parts: usize) -> Vec<Vec<Key>> {
    let mut sorted = keys.to_vec();
    sorted.sort();
    let size = sorted.len().div_ceil(parts);
    let mut divided: Vec<Vec<Key>> = Vec::new();
    for key in sorted {
        match divided.last_mut() {
            Some(part) if part.len() < size || part.last().is_some_and(|last| last.compare(&key).is_eq()) => {
                part.push(key)
            }
            _ => divided.push(vec![key]),
        }
    }
    divided
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(order: u8, value: &str) -> Key {
        Key::new(vec![order], value)
    }

    #[test]
    fn keys_are_divided_evenly_and_all_of_them() {
        let keys: Vec<Key> = (0..10).rev().map(|n| key(n, &n.to_string())).collect();
        let parts = divide(&keys, 3);
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
        let mut sorted = keys.clone();
        sorted.sort();
        assert_eq!(parts.concat(), sorted);
        assert_eq!(divide(&keys, 1).len(), 1);
    }

    #[test]
    fn appliers_that_get_in_each_others_way_are_rarely_let_try_again() {
        let mut crowd = Crowd::default();
        let mut divided = 0;
        for _ in 0..10_000 {
            if crowd.appliers(4) > 1 {
                divided += 1;
                crowd.collided();
            }
        }
        assert!((10..20).contains(&divided), "{divided}");
        // And let again once it goes well.
        while crowd.appliers(4) == 1 {}
        for _ in 0..20 {
            crowd.went_well();
            assert_eq!(crowd.appliers(4), 4);
        }
        crowd.collided();
        assert_eq!(crowd.alone, Crowd::LEAST);
    }

    #[test]
    fn keys_that_are_equal_to_the_server_have_one_applier() {
        let keys = ["a", "A", "á"].map(|value| key(1, value));
        let others = [key(0, "0"), key(2, "b")];
        for parts in divide(&[&keys[..], &others[..]].concat(), 5) {
            let same = parts.iter().filter(|k| k.order() == [1]).count();
            assert!(same == 0 || same == keys.len(), "{parts:?}");
        }
    }
}

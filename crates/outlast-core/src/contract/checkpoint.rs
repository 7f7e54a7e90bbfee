//! The contract of [`CheckpointStore`], and of the [`Transaction`]s it records in.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;

use super::{ClusterFixture, failure};
use crate::{
    checkpoint::{Checkpoint, CheckpointStore, Progress, Recorded, Transaction},
    error::{Error, ErrorKind, Result},
    gtid::{Gtid, GtidSet},
    key::{Key, KeyRange},
    ledger::Chunk,
    scheduler::Lease,
};

/// What the suite needs of a backend.
#[async_trait]
pub trait CheckpointFixture: ClusterFixture {
    /// The store. It is installed on the primary.
    fn store(&self) -> Arc<dyn CheckpointStore>;

    /// A lease of a new migration that was adopted on the primary, whose progress is not begun.
    async fn lease(&self) -> Lease;

    /// Lets another owner adopt the migration.
    async fn depose(&self, lease: &Lease);

    /// Begins a transaction under the lease, on its server, as a stream does.
    ///
    /// # Errors
    /// The backend's own; `Fenced` is checked for.
    async fn begin(&self, lease: &Lease) -> Result<Box<dyn Transaction>>;

    /// Writes row `number` in the transaction, into a table that belongs to its migration.
    async fn put_row(&self, transaction: &mut dyn Transaction, number: u64);

    /// Numbers of the rows that [`CheckpointFixture::put_row`] has written for the lease's migration and that are committed,
    /// ascending.
    async fn rows(&self, lease: &Lease) -> Vec<u64>;

    /// The `number`-th key of a table with an unsigned integer key.
    fn key(&self, number: u64) -> Key;

    /// Commits, and loses the server's reply: there is the effect, and its owner gets `ServerGone`. A backend that can cut
    /// its connection at that moment does better than this.
    ///
    /// # Errors
    /// Always `ServerGone`.
    async fn commit_without_reply(&self, transaction: Box<dyn Transaction>, recorded: Recorded) -> Result<()> {
        transaction.commit(recorded).await?;
        Err(Error::new(ErrorKind::ServerGone, "the reply was lost"))
    }
}

/// Stamps the suite's tests onto a backend: `checkpoint_suite!(fixture)`, where `fixture` may await.
#[macro_export]
macro_rules! checkpoint_suite {
    ($fixture:expr) => {
        $crate::stamp_contract! { $fixture, checkpoint:
            installing_again_keeps_what_is_stored
            there_is_no_checkpoint_before_the_beginning
            the_beginning_holds_its_position
            beginning_twice_keeps_the_first_position
            progress_commits_with_its_data
            progress_is_rolled_back_with_its_data
            a_dropped_transaction_leaves_nothing
            stored_progress_survives_a_lost_reply
            recording_again_changes_nothing
            chunks_are_kept_as_recorded
            keys_are_kept_byte_for_byte
            folded_chunks_become_one_range
            everything_can_be_folded
            the_position_is_what_all_appliers_have_done
            positions_with_holes_and_tags_are_kept
            chunks_and_appliers_do_not_wait_for_each_other
            migrations_do_not_share_progress
            forgetting_leaves_nothing
            a_fenced_owner_begins_no_transaction
            a_proof_from_another_transaction_is_not_taken
            a_replica_holds_the_same
            a_server_that_does_not_answer_is_gone
        }
    };
}

const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
const B: &str = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

/// Transactions of `source` with these numbers.
fn gtids(source: &str, numbers: impl IntoIterator<Item = u64>) -> GtidSet {
    numbers.into_iter().map(|number| Gtid::new(source, number)).collect()
}

fn chunk(fixture: &impl CheckpointFixture, after: Option<u64>, upto: Option<u64>, rows: u64) -> Chunk {
    Chunk {
        range: KeyRange {
            after: after.map(|number| fixture.key(number)),
            upto: upto.map(|number| fixture.key(number)),
        },
        rows,
    }
}

/// One transaction with nothing but progress.
async fn record(fixture: &impl CheckpointFixture, lease: &Lease, progress: Progress<'_>) -> Result<()> {
    let mut transaction = fixture.begin(lease).await?;
    let recorded = fixture.store().record(&mut *transaction, progress).await?;
    transaction.commit(recorded).await
}

async fn begun(fixture: &impl CheckpointFixture) -> Result<Lease> {
    let lease = fixture.lease().await;
    let position = gtids(A, 1..=10);
    record(fixture, &lease, Progress::Begin { position: &position }).await?;
    Ok(lease)
}

/// The checkpoint, its chunks in key order.
async fn loaded(fixture: &impl CheckpointFixture, lease: &Lease) -> Result<Checkpoint> {
    let stored = fixture.store().load(&fixture.primary(), &lease.migration).await?;
    let mut checkpoint = stored.expect("progress was begun");
    checkpoint.chunks.sort_by(|a, b| a.range.after.cmp(&b.range.after));
    Ok(checkpoint)
}

/// Installing creates what is missing and touches nothing else.
pub async fn installing_again_keeps_what_is_stored(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    fixture.store().install(&fixture.primary()).await?;
    assert_eq!(loaded(fixture, &lease).await?.position, gtids(A, 1..=10));
    Ok(())
}

/// A migration that was never prepared has no checkpoint, rather than an empty one.
pub async fn there_is_no_checkpoint_before_the_beginning(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = fixture.lease().await;
    assert_eq!(fixture.store().load(&fixture.primary(), &lease.migration).await?, None);
    Ok(())
}

/// At the beginning nothing is copied.
pub async fn the_beginning_holds_its_position(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    let expected = Checkpoint {
        position: gtids(A, 1..=10),
        ..Checkpoint::default()
    };
    assert_eq!(loaded(fixture, &lease).await?, expected);
    Ok(())
}

/// A later position would skip what was changed since the first.
pub async fn beginning_twice_keeps_the_first_position(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    record(fixture, &lease, Progress::Copied(&chunk(fixture, None, Some(5), 5))).await?;
    let before = loaded(fixture, &lease).await?;
    let later = gtids(A, 1..=20);
    record(fixture, &lease, Progress::Begin { position: &later }).await?;
    assert_eq!(loaded(fixture, &lease).await?, before);
    Ok(())
}

/// Invariant I1, the good case.
pub async fn progress_commits_with_its_data(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    let mut transaction = fixture.begin(&lease).await?;
    assert_eq!(transaction.lease(), &lease);
    fixture.put_row(&mut *transaction, 7).await;
    let copied = chunk(fixture, None, Some(7), 1);
    let recorded = fixture
        .store()
        .record(&mut *transaction, Progress::Copied(&copied))
        .await?;
    assert_eq!(fixture.rows(&lease).await, [] as [u64; 0], "seen before the commit");
    assert_eq!(loaded(fixture, &lease).await?.chunks, []);
    transaction.commit(recorded).await?;
    assert_eq!(fixture.rows(&lease).await, [7]);
    assert_eq!(loaded(fixture, &lease).await?.chunks, [copied]);
    Ok(())
}

/// Invariant I1, the bad case.
pub async fn progress_is_rolled_back_with_its_data(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    let before = loaded(fixture, &lease).await?;
    let mut transaction = fixture.begin(&lease).await?;
    fixture.put_row(&mut *transaction, 7).await;
    let copied = chunk(fixture, None, Some(7), 1);
    let recorded = fixture
        .store()
        .record(&mut *transaction, Progress::Copied(&copied))
        .await?;
    transaction.rollback().await?;
    drop(recorded);
    assert_eq!(fixture.rows(&lease).await, [] as [u64; 0]);
    assert_eq!(loaded(fixture, &lease).await?, before);
    // What was rolled back can be done again.
    record(fixture, &lease, Progress::Copied(&copied)).await
}

/// Dropping is rolling back, so that an aborted task leaves no half of anything.
pub async fn a_dropped_transaction_leaves_nothing(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    let before = loaded(fixture, &lease).await?;
    let mut transaction = fixture.begin(&lease).await?;
    fixture.put_row(&mut *transaction, 7).await;
    let position = gtids(A, 1..=12);
    let applied = Progress::Applied {
        applier: 0,
        position: &position,
    };
    let recorded = fixture.store().record(&mut *transaction, applied.clone()).await?;
    drop((transaction, recorded));
    assert_eq!(fixture.rows(&lease).await, [] as [u64; 0]);
    assert_eq!(loaded(fixture, &lease).await?, before);
    // Its locks are gone, too: the same row can be written.
    record(fixture, &lease, applied).await
}

/// "It was applied, then the reply was lost": whoever reloads finds it, once.
pub async fn stored_progress_survives_a_lost_reply(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    let mut transaction = fixture.begin(&lease).await?;
    fixture.put_row(&mut *transaction, 7).await;
    let copied = chunk(fixture, None, Some(7), 1);
    let recorded = fixture
        .store()
        .record(&mut *transaction, Progress::Copied(&copied))
        .await?;
    let reply = fixture.commit_without_reply(transaction, recorded).await;
    assert_eq!(failure(reply), Some(ErrorKind::ServerGone));
    assert_eq!(fixture.rows(&lease).await, [7]);
    assert_eq!(loaded(fixture, &lease).await?.chunks, std::slice::from_ref(&copied));
    record(fixture, &lease, Progress::Copied(&copied)).await?;
    assert_eq!(loaded(fixture, &lease).await?.chunks, [copied]);
    Ok(())
}

/// Every step may be recorded twice, and counts once.
pub async fn recording_again_changes_nothing(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    let chunks = [chunk(fixture, None, Some(5), 5), chunk(fixture, Some(5), Some(9), 4)];
    let above = chunk(fixture, Some(20), None, 8);
    let upto = fixture.key(9);
    let position = gtids(A, 1..=30);
    let steps = [
        Progress::Copied(&chunks[0]),
        Progress::Copied(&chunks[1]),
        Progress::Copied(&above),
        Progress::Applied {
            applier: 0,
            position: &position,
        },
        Progress::Folded {
            upto: Some(&upto),
            chunks: &chunks,
        },
    ];
    for step in steps {
        record(fixture, &lease, step.clone()).await?;
        let before = loaded(fixture, &lease).await?;
        record(fixture, &lease, step).await?;
        assert_eq!(loaded(fixture, &lease).await?, before);
    }
    assert_eq!(loaded(fixture, &lease).await?.folded_rows, 9);
    Ok(())
}

/// Ranges with open ends, and chunks without rows, come back as they were.
pub async fn chunks_are_kept_as_recorded(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    let chunks = [
        chunk(fixture, None, Some(5), 5),
        chunk(fixture, Some(5), Some(6), 0),
        chunk(fixture, Some(100), Some(u64::MAX), u64::from(u32::MAX) + 1),
        chunk(fixture, Some(u64::MAX), None, 0),
    ];
    for chunk in chunks.iter().rev() {
        record(fixture, &lease, Progress::Copied(chunk)).await?;
    }
    assert_eq!(loaded(fixture, &lease).await?.chunks, chunks);

    let lease = begun(fixture).await?;
    let all = chunk(fixture, None, None, 3);
    record(fixture, &lease, Progress::Copied(&all)).await?;
    assert_eq!(loaded(fixture, &lease).await?.chunks, [all]);
    Ok(())
}

/// A store knows nothing of a key's meaning, and must not change it.
pub async fn keys_are_kept_byte_for_byte(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    let keys = [
        Key::new([0u8, 0], "\0'\"\\;--\n\u{1a}"),
        Key::new([0u8, 255, 254], "Straße 🦀 e\u{301}"),
        Key::new([1u8; 300], "a ".repeat(300)),
        Key::new([1u8; 301], "A ".repeat(300)),
    ];
    let mut after = None;
    let mut chunks = Vec::new();
    for key in keys {
        let range = KeyRange {
            after: after.replace(key.clone()),
            upto: Some(key),
        };
        chunks.push(Chunk { range, rows: 1 });
    }
    for chunk in &chunks {
        record(fixture, &lease, Progress::Copied(chunk)).await?;
    }
    let stored = loaded(fixture, &lease).await?.chunks;
    assert_eq!(stored, chunks);
    for (stored, chunk) in stored.iter().zip(&chunks) {
        let order = |chunk: &Chunk| chunk.range.upto.as_ref().map(|key| key.order().to_vec());
        assert_eq!(order(stored), order(chunk));
    }
    Ok(())
}

/// The finished prefix is one range; what lies above it stays.
pub async fn folded_chunks_become_one_range(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    let low = [chunk(fixture, None, Some(5), 5), chunk(fixture, Some(5), Some(9), 3)];
    let next = [chunk(fixture, Some(9), Some(12), 2)];
    let high = chunk(fixture, Some(20), Some(30), 7);
    for chunk in low.iter().chain(&next).chain([&high]) {
        record(fixture, &lease, Progress::Copied(chunk)).await?;
    }
    for (upto, chunks, rows) in [(9, &low[..], 8), (12, &next[..], 10)] {
        let upto = fixture.key(upto);
        let folded = Progress::Folded {
            upto: Some(&upto),
            chunks,
        };
        record(fixture, &lease, folded).await?;
        let checkpoint = loaded(fixture, &lease).await?;
        let expected = KeyRange {
            after: None,
            upto: Some(upto),
        };
        assert_eq!((checkpoint.folded, checkpoint.folded_rows), (Some(expected), rows));
    }
    assert_eq!(loaded(fixture, &lease).await?.chunks, [high]);
    Ok(())
}

/// A finished copy is one range without ends, which is not the same as no range.
pub async fn everything_can_be_folded(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    assert_eq!(loaded(fixture, &lease).await?.folded, None);
    let chunks = [chunk(fixture, None, Some(5), 5), chunk(fixture, Some(5), None, 1)];
    for chunk in &chunks {
        record(fixture, &lease, Progress::Copied(chunk)).await?;
    }
    let folded = Progress::Folded {
        upto: None,
        chunks: &chunks,
    };
    record(fixture, &lease, folded).await?;
    let checkpoint = loaded(fixture, &lease).await?;
    assert_eq!((checkpoint.folded, checkpoint.folded_rows), (Some(KeyRange::ALL), 6));
    assert_eq!(checkpoint.chunks, []);
    Ok(())
}

/// One applier's word is not enough.
pub async fn the_position_is_what_all_appliers_have_done(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    let first = gtids(A, 1..=20);
    let applied = |applier, position| Progress::Applied { applier, position };
    record(fixture, &lease, applied(0, &first)).await?;
    assert_eq!(loaded(fixture, &lease).await?.position, first);
    let second = gtids(A, (1..=15).chain(18..=25));
    record(fixture, &lease, applied(1, &second)).await?;
    assert_eq!(
        loaded(fixture, &lease).await?.position,
        gtids(A, (1..=15).chain(18..=20))
    );
    // Whoever speaks for all moves all.
    let third = gtids(A, 1..=30);
    record(fixture, &lease, Progress::Advanced { position: &third }).await?;
    assert_eq!(loaded(fixture, &lease).await?.position, third);
    Ok(())
}

/// Positions are sets, not numbers.
pub async fn positions_with_holes_and_tags_are_kept(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    let mut position = gtids(A, 1..=10);
    position.extend(&gtids(B, (1..400).map(|n| n * 2)));
    position.extend(&gtids(&format!("{A}:tag_1"), 3..=4));
    let applied = Progress::Applied {
        applier: 0,
        position: &position,
    };
    record(fixture, &lease, applied).await?;
    assert_eq!(loaded(fixture, &lease).await?.position, position);
    Ok(())
}

/// Lanes and appliers write rows of their own, so that neither they nor the replicas that follow become serial.
pub async fn chunks_and_appliers_do_not_wait_for_each_other(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    let chunks = [chunk(fixture, None, Some(5), 5), chunk(fixture, Some(5), Some(9), 4)];
    let positions = [gtids(A, 1..=20), gtids(A, 1..=30)];
    let applied = |applier: u32| Progress::Applied {
        applier,
        position: &positions[applier as usize],
    };
    let steps = [
        Progress::Copied(&chunks[0]),
        applied(0),
        Progress::Copied(&chunks[1]),
        applied(1),
    ];
    let mut open = Vec::new();
    for (number, step) in steps.into_iter().enumerate() {
        let mut transaction = fixture.begin(&lease).await?;
        fixture.put_row(&mut *transaction, number as u64).await;
        let recorded = fixture.store().record(&mut *transaction, step).await?;
        open.push((transaction, recorded));
    }
    for (transaction, recorded) in open.into_iter().rev() {
        transaction.commit(recorded).await?;
    }
    let checkpoint = loaded(fixture, &lease).await?;
    assert_eq!(checkpoint.chunks, chunks);
    assert_eq!(checkpoint.position, positions[0]);
    assert_eq!(fixture.rows(&lease).await, [0, 1, 2, 3]);
    Ok(())
}

/// What is recorded belongs to the lease's migration alone.
pub async fn migrations_do_not_share_progress(fixture: &impl CheckpointFixture) -> Result<()> {
    let (one, other) = (begun(fixture).await?, begun(fixture).await?);
    let before = loaded(fixture, &other).await?;
    record(fixture, &one, Progress::Copied(&chunk(fixture, None, None, 9))).await?;
    assert_eq!(loaded(fixture, &other).await?, before);
    fixture.store().forget(&fixture.primary(), &one.migration).await?;
    assert_eq!(loaded(fixture, &other).await?, before);
    Ok(())
}

/// A migration that starts anew starts from nothing.
pub async fn forgetting_leaves_nothing(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    let chunks = [chunk(fixture, None, Some(5), 5)];
    record(fixture, &lease, Progress::Copied(&chunks[0])).await?;
    let (store, primary, upto) = (fixture.store(), fixture.primary(), fixture.key(5));
    let folded = Progress::Folded {
        upto: Some(&upto),
        chunks: &chunks,
    };
    record(fixture, &lease, folded).await?;
    for _ in 0..2 {
        store.forget(&primary, &lease.migration).await?;
        assert_eq!(store.load(&primary, &lease.migration).await?, None);
    }
    let position = gtids(B, 1..=3);
    record(fixture, &lease, Progress::Begin { position: &position }).await?;
    let expected = Checkpoint {
        position,
        ..Checkpoint::default()
    };
    assert_eq!(loaded(fixture, &lease).await?, expected);
    Ok(())
}

/// Invariant I6: the fence is looked at before anything is written.
pub async fn a_fenced_owner_begins_no_transaction(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    fixture.depose(&lease).await;
    let begun = fixture.begin(&lease).await;
    assert_eq!(begun.err().map(|error| error.kind()), Some(ErrorKind::Fenced));
    Ok(())
}

/// Progress saved elsewhere does not let data through: that is a bug, and it must not reach the data.
pub async fn a_proof_from_another_transaction_is_not_taken(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    let mut with_data = fixture.begin(&lease).await?;
    fixture.put_row(&mut *with_data, 7).await;
    let mut with_progress = fixture.begin(&lease).await?;
    let copied = chunk(fixture, None, Some(7), 1);
    let recorded = fixture
        .store()
        .record(&mut *with_progress, Progress::Copied(&copied))
        .await?;
    let commit = std::panic::AssertUnwindSafe(with_data.commit(recorded))
        .catch_unwind()
        .await;
    assert!(commit.is_err(), "the commit must panic");
    with_progress.rollback().await?;
    assert_eq!(fixture.rows(&lease).await, [] as [u64; 0]);
    Ok(())
}

/// Progress replicates with the data.
pub async fn a_replica_holds_the_same(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    record(fixture, &lease, Progress::Copied(&chunk(fixture, None, Some(5), 5))).await?;
    fixture.replicated().await;
    let there = fixture.store().load(&fixture.replica(), &lease.migration).await?;
    assert_eq!(there, Some(loaded(fixture, &lease).await?));
    Ok(())
}

/// A server that can't be reached is not one without a checkpoint.
pub async fn a_server_that_does_not_answer_is_gone(fixture: &impl CheckpointFixture) -> Result<()> {
    let lease = begun(fixture).await?;
    let there = fixture.store().load(&fixture.nobody(), &lease.migration).await;
    assert_eq!(failure(there), Some(ErrorKind::ServerGone));
    Ok(())
}

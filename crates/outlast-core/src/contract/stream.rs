//! The contract of [`Stream`], and of what it opens.

mod mending;
mod preparing;
mod tables;
mod uniqueness;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;

pub use self::{
    mending::mending_changes_nothing_that_is_whole,
    preparing::{
        a_prepared_xa_transaction_is_not_forgotten_by_the_beginning, preparing_again_keeps_what_was_done,
        preparing_makes_an_empty_shadow_and_a_beginning, the_beginning_lies_before_later_changes,
    },
    tables::own_tables_are_those_that_exist,
    uniqueness::{
        a_row_with_a_value_of_its_own_makes_no_way, a_row_with_an_old_value_makes_way,
        a_row_with_an_old_value_makes_way_under_the_lock, rows_that_are_read_together_displace_nobody,
    },
};
use super::{ClusterFixture, failure};
use crate::{
    checkpoint::Checkpoint,
    error::{ErrorKind, Result},
    key::{Key, KeyRange},
    ledger::{Change, Outcome, Xid},
    scheduler::{Lease, Migration},
    stream::{Applier, Changes, Copied, CutOver, Examination, OpenStream, Stream, SwapState},
};

/// How long something is given that must not happen.
const NOT_SOON: Duration = Duration::from_millis(600);

/// Time between two attempts.
const AGAIN: Duration = Duration::from_millis(50);

/// How long something is given that must happen at once.
const SOON: Duration = Duration::from_secs(2);

/// A table and its migration.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Adopted on the primary; its statement changes no value of any row and drops no column.
    pub migration: Migration,
    /// Of its owner.
    pub lease: Lease,
}

/// One of a migration's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// What bears the name of the user's table.
    Source,
    /// The shadow.
    Shadow,
    /// The retired table.
    Retired,
}

/// What the suite needs of a backend: tables that map an unsigned 64-bit key to an unsigned 64-bit value, and an application
/// that writes to them on the primary.
#[async_trait]
pub trait StreamFixture: ClusterFixture {
    /// The stream backend.
    fn stream(&self) -> Arc<dyn Stream>;

    /// A new table with these rows, and a new migration of it that is adopted on the primary.
    async fn subject(&self, rows: &[(u64, u64)]) -> Subject;

    /// As [`StreamFixture::subject`], but the migration makes the values unique.
    async fn unique_subject(&self, rows: &[(u64, u64)]) -> Subject;

    /// Lets another owner adopt the subject's migration.
    async fn depose(&self, subject: &Subject);

    /// Ends every session that the subject's streams have on the primary, as KILL does.
    async fn end_sessions(&self, subject: &Subject);

    /// The copy key of row `number`.
    fn key(&self, number: u64) -> Key;

    /// The rows of a table, as a query on the primary sees them; `None` if it does not exist. May wait for a lock's end.
    async fn rows(&self, subject: &Subject, place: Place) -> Option<BTreeMap<u64, u64>>;

    /// One transaction on the source that sets rows to a value, or deletes them. Returns when it has committed; waits for
    /// locks as long as it takes.
    async fn write(&self, subject: &Subject, rows: &[(u64, Option<u64>)]);

    /// Gives row `from` the key `to`, in one transaction.
    async fn rename_row(&self, subject: &Subject, from: u64, to: u64);

    /// Executes and prepares an XA transaction that sets the row's value. Its identifier, as the binlog writes it, is like no
    /// other's of the cluster.
    async fn xa_prepare(&self, subject: &Subject, row: u64, value: u64) -> Xid;

    /// Commits or rolls back an XA transaction that [`StreamFixture::xa_prepare`] has prepared.
    async fn xa_end(&self, subject: &Subject, xid: &Xid, commit: bool);

    /// `TRUNCATE` of the source.
    async fn truncate(&self, subject: &Subject);
}

/// Stamps the suite's tests onto a backend: `stream_suite!(fixture)`, where `fixture` may await.
#[macro_export]
macro_rules! stream_suite {
    ($fixture:expr) => {
        $crate::stamp_contract! { $fixture, stream:
            examining_finds_the_table
            what_the_server_would_reject_is_found_before_anything_is_changed
            opening_changes_nothing
            opening_on_another_server_is_fenced
            preparing_makes_an_empty_shadow_and_a_beginning
            preparing_again_keeps_what_was_done
            the_beginning_lies_before_later_changes
            a_prepared_xa_transaction_is_not_forgotten_by_the_beginning
            boundaries_split_a_table_into_chunks
            copying_moves_rows_and_records_the_chunk
            ranges_without_ends_hold_the_outermost_keys
            copying_a_range_again_is_inconsistent
            applying_makes_rows_equal
            applying_again_changes_nothing
            several_appliers_record_what_holds_already
            advancing_records_a_position_without_data
            folding_is_recorded
            a_fenced_owner_writes_nothing
            a_stream_that_lost_its_sessions_is_over
            changes_name_the_keys_in_commit_order
            changes_begin_after_the_position
            every_transaction_is_reported
            a_change_is_visible_when_it_is_reported
            a_changed_key_is_reported_old_and_new
            xa_transactions_are_reported_with_their_outcome
            an_emptied_source_is_noticed
            waiting_for_changes_ends_with_the_next_one
            a_lock_keeps_the_application_out
            a_dropped_lock_is_released
            a_table_in_use_is_not_locked
            under_the_lock_everything_executed_can_be_read
            draining_records_no_position
            a_swap_puts_the_shadow_in_place
            mending_changes_nothing_that_is_whole
            own_tables_are_those_that_exist
            a_fenced_owner_does_not_swap
            a_row_with_an_old_value_makes_way
            rows_that_are_read_together_displace_nobody
            a_row_with_a_value_of_its_own_makes_no_way
            a_row_with_an_old_value_makes_way_under_the_lock
        }
    };
}

async fn opened(fixture: &impl StreamFixture, subject: &Subject) -> Result<Arc<dyn OpenStream>> {
    fixture.stream().open(&subject.lease, &subject.migration).await
}

async fn prepared(fixture: &impl StreamFixture, rows: &[(u64, u64)]) -> Result<(Subject, Arc<dyn OpenStream>)> {
    let subject = fixture.subject(rows).await;
    let stream = opened(fixture, &subject).await?;
    patiently(|| stream.prepare()).await?;
    Ok((subject, stream))
}

/// Tries again while that passes: what other tests do on the same server may hold a stream up (their XA transactions).
async fn patiently<T>(mut attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    loop {
        match attempt().await {
            Err(error) if error.kind() == ErrorKind::Passing => tokio::time::sleep(AGAIN).await,
            outcome => return outcome,
        }
    }
}

async fn lock(stream: &Arc<dyn OpenStream>) -> Result<Box<dyn CutOver>> {
    patiently(|| stream.lock()).await
}

/// Prepared, and copied in one chunk.
async fn copied(fixture: &impl StreamFixture, rows: &[(u64, u64)]) -> Result<(Subject, Arc<dyn OpenStream>)> {
    let (subject, stream) = prepared(fixture, rows).await?;
    assert_eq!(stream.copy(&KeyRange::ALL).await?, Copied::Rows(rows.len() as u64));
    Ok((subject, stream))
}

fn range(fixture: &impl StreamFixture, after: Option<u64>, upto: Option<u64>) -> KeyRange {
    KeyRange {
        after: after.map(|number| fixture.key(number)),
        upto: upto.map(|number| fixture.key(number)),
    }
}

async fn checkpoint(stream: &Arc<dyn OpenStream>) -> Result<Checkpoint> {
    Ok(stream.checkpoint().await?.expect("the stream is prepared"))
}

async fn shadow(fixture: &impl StreamFixture, subject: &Subject) -> BTreeMap<u64, u64> {
    fixture.rows(subject, Place::Shadow).await.expect("the shadow exists")
}

async fn source(fixture: &impl StreamFixture, subject: &Subject) -> BTreeMap<u64, u64> {
    fixture.rows(subject, Place::Source).await.expect("the source exists")
}

/// Changes of the source from the beginning on, until they name `count` keys and have ended these XA transactions.
/// Other tables' transactions are left out, and each key is named once in its transaction.
async fn read(changes: &mut Box<dyn Changes>, count: usize, ended: &[&Xid]) -> Result<Vec<Change>> {
    let ends = |change: &Change| match &change.outcome {
        Outcome::XaCommitted(xid) | Outcome::XaRolledBack(xid) => ended.contains(&xid),
        Outcome::Committed | Outcome::Prepared(_) => false,
    };
    let mut all: Vec<Change> = Vec::new();
    while all.iter().map(|change| change.keys.len()).sum::<usize>() < count
        || all.iter().filter(|change| ends(change)).count() < ended.len()
    {
        for mut change in changes.next().await? {
            change.keys = sorted(change.keys);
            if ends(&change) || !change.keys.is_empty() {
                all.push(change);
            }
        }
    }
    Ok(all)
}

async fn changes(stream: &Arc<dyn OpenStream>) -> Result<Box<dyn Changes>> {
    stream.changes(&checkpoint(stream).await?.position).await
}

fn sorted(mut keys: Vec<Key>) -> Vec<Key> {
    keys.sort();
    keys.dedup();
    keys
}

/// Whoever submits learns what will be migrated.
pub async fn examining_finds_the_table(fixture: &impl StreamFixture) -> Result<()> {
    let subject = fixture.subject(&[(1, 1)]).await;
    let request = Examination {
        allow_direct: false,
        ..Examination::of(&subject.migration.statement, Some(subject.migration.schema.clone()))
    };
    let examined = fixture.stream().examine(&fixture.primary(), &request).await?;
    assert_eq!(examined.schema, subject.migration.schema);
    assert_eq!(examined.table, subject.migration.table);
    assert_eq!(examined.key_columns.len(), 1);
    Ok(())
}

/// A table that does not exist, and a statement that is none.
pub async fn what_the_server_would_reject_is_found_before_anything_is_changed(
    fixture: &impl StreamFixture,
) -> Result<()> {
    let subject = fixture.subject(&[]).await;
    let schema = &subject.migration.schema;
    for statement in [
        format!("ALTER TABLE {schema}.no_such_table ENGINE=InnoDB"),
        "ALTER the table".to_owned(),
    ] {
        let request = Examination::of(statement, Some(schema.clone()));
        let examined = failure(fixture.stream().examine(&fixture.primary(), &request).await);
        let refused = [Some(ErrorKind::StatementRejected), Some(ErrorKind::Refused)];
        assert!(refused.contains(&examined), "{} is {examined:?}", request.statement);
    }
    Ok(())
}

/// Who opens a stream may look around first.
pub async fn opening_changes_nothing(fixture: &impl StreamFixture) -> Result<()> {
    let subject = fixture.subject(&[(1, 1)]).await;
    let stream = opened(fixture, &subject).await?;
    assert_eq!(stream.swap_state().await?, SwapState::Unprepared);
    assert_eq!(stream.checkpoint().await?, None);
    assert_eq!(fixture.rows(&subject, Place::Shadow).await, None);
    Ok(())
}

/// A lease is valid on the server it names and no other.
pub async fn opening_on_another_server_is_fenced(fixture: &impl StreamFixture) -> Result<()> {
    let mut subject = fixture.subject(&[]).await;
    subject.lease.server.address = fixture.replica().address;
    let elsewhere = opened(fixture, &subject).await;
    assert_eq!(elsewhere.err().map(|error| error.kind()), Some(ErrorKind::Fenced));
    subject.lease.server = fixture.nobody();
    let nowhere = opened(fixture, &subject).await;
    assert_eq!(nowhere.err().map(|error| error.kind()), Some(ErrorKind::ServerGone));
    Ok(())
}

/// The n-th row's key ends a chunk of n rows.
pub async fn boundaries_split_a_table_into_chunks(fixture: &impl StreamFixture) -> Result<()> {
    let rows: Vec<(u64, u64)> = (1..=10).map(|n| (n * 10, n)).collect();
    let (_, stream) = prepared(fixture, &rows).await?;
    assert_eq!(stream.boundary(&KeyRange::ALL, 3).await?, Some(fixture.key(30)));
    let rest = range(fixture, Some(30), None);
    assert_eq!(stream.boundary(&rest, 7).await?, Some(fixture.key(100)));
    assert_eq!(stream.boundary(&rest, 8).await?, None);
    let between = range(fixture, Some(30), Some(55));
    assert_eq!(stream.boundary(&between, 2).await?, Some(fixture.key(50)));
    assert_eq!(stream.boundary(&between, 3).await?, None);
    Ok(())
}

/// Data and progress of a chunk are one transaction.
pub async fn copying_moves_rows_and_records_the_chunk(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = prepared(fixture, &[(1, 10), (2, 20), (3, 30), (4, 40)]).await?;
    let before = checkpoint(&stream).await?;
    let range = range(fixture, Some(1), Some(3));
    assert_eq!(stream.copy(&range).await?, Copied::Rows(2));
    assert_eq!(shadow(fixture, &subject).await, BTreeMap::from([(2, 20), (3, 30)]));
    let after = checkpoint(&stream).await?;
    assert_eq!((after.chunks.len(), after.chunks[0].rows), (1, 2));
    assert_eq!(after.chunks[0].range, range);
    assert_eq!(after.position, before.position);
    Ok(())
}

/// Ranges partition (−∞, +∞).
pub async fn ranges_without_ends_hold_the_outermost_keys(fixture: &impl StreamFixture) -> Result<()> {
    let rows = [(0, 1), (1, 2), (u64::MAX - 1, 3), (u64::MAX, 4)];
    let (subject, stream) = prepared(fixture, &rows).await?;
    let low = range(fixture, None, Some(1));
    let high = range(fixture, Some(1), None);
    assert_eq!(stream.copy(&low).await?, Copied::Rows(2));
    assert_eq!(stream.copy(&high).await?, Copied::Rows(2));
    assert_eq!(shadow(fixture, &subject).await, BTreeMap::from(rows));
    Ok(())
}

/// A row on the copy key means a lost reply or a bug. It is not papered over.
pub async fn copying_a_range_again_is_inconsistent(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = copied(fixture, &[(1, 10), (2, 20)]).await?;
    let before = checkpoint(&stream).await?;
    fixture.write(&subject, &[(2, Some(21))]).await;
    assert_eq!(
        failure(stream.copy(&KeyRange::ALL).await),
        Some(ErrorKind::Inconsistent)
    );
    assert_eq!(checkpoint(&stream).await?, before);
    assert_eq!(shadow(fixture, &subject).await, BTreeMap::from([(1, 10), (2, 20)]));
    Ok(())
}

/// Inserted, updated and deleted rows, and rows that never were, by the same means.
pub async fn applying_makes_rows_equal(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = copied(fixture, &[(1, 10), (2, 20), (3, 30)]).await?;
    fixture
        .write(&subject, &[(1, Some(11)), (2, None), (4, Some(40))])
        .await;
    let position = stream.executed().await?;
    let keys: Vec<Key> = [1, 2, 4, 9].map(|number| fixture.key(number)).into();
    stream.apply(Applier::Alone, &keys, &position).await?;
    assert_eq!(
        shadow(fixture, &subject).await,
        BTreeMap::from([(1, 11), (3, 30), (4, 40)])
    );
    assert_eq!(checkpoint(&stream).await?.position, position);
    Ok(())
}

/// Re-reading is harmless, from however old a position.
pub async fn applying_again_changes_nothing(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = copied(fixture, &[(1, 10), (2, 20)]).await?;
    fixture.write(&subject, &[(1, Some(11)), (2, None)]).await;
    let older = checkpoint(&stream).await?.position;
    let position = stream.executed().await?;
    let keys = [fixture.key(1), fixture.key(2)];
    for position in [&position, &older, &position] {
        stream.apply(Applier::Alone, &keys, position).await?;
        assert_eq!(shadow(fixture, &subject).await, BTreeMap::from([(1, 11)]));
        assert_eq!(checkpoint(&stream).await?.position, *position);
    }
    Ok(())
}

/// Each records what holds already; what they do together is recorded by whoever comes after them.
pub async fn several_appliers_record_what_holds_already(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = copied(fixture, &[(1, 10), (2, 20)]).await?;
    fixture.write(&subject, &[(1, Some(11)), (2, Some(21))]).await;
    let before = checkpoint(&stream).await?.position;
    let keys = [1, 2].map(|number| [fixture.key(number)]);
    for (number, keys) in (0..).zip(&keys) {
        stream.apply(Applier::OneOf(number), keys, &before).await?;
        assert_eq!(checkpoint(&stream).await?.position, before);
    }
    assert_eq!(shadow(fixture, &subject).await, BTreeMap::from([(1, 11), (2, 21)]));
    fixture.write(&subject, &[(1, None)]).await;
    let later = stream.executed().await?;
    stream.apply(Applier::Alone, &keys[0], &later).await?;
    assert_eq!(checkpoint(&stream).await?.position, later);
    Ok(())
}

/// Quiet tables have a position that moves, too.
pub async fn advancing_records_a_position_without_data(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = copied(fixture, &[(1, 10)]).await?;
    fixture.write(&subject, &[(1, Some(11))]).await;
    let position = stream.executed().await?;
    stream.advance(&position).await?;
    assert_eq!(checkpoint(&stream).await?.position, position);
    assert_eq!(shadow(fixture, &subject).await, BTreeMap::from([(1, 10)]));
    Ok(())
}

/// The checkpoint stays small.
pub async fn folding_is_recorded(fixture: &impl StreamFixture) -> Result<()> {
    let (_, stream) = copied(fixture, &[(1, 10), (2, 20)]).await?;
    let chunks = checkpoint(&stream).await?.chunks;
    stream.fold(None, &chunks).await?;
    let folded = checkpoint(&stream).await?;
    assert_eq!(
        (folded.folded, folded.folded_rows, folded.chunks),
        (Some(KeyRange::ALL), 2, vec![])
    );
    Ok(())
}

/// Invariant I6, in everything that writes.
pub async fn a_fenced_owner_writes_nothing(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = prepared(fixture, &[(1, 10), (2, 20)]).await?;
    let low = range(fixture, None, Some(1));
    stream.copy(&low).await?;
    fixture.write(&subject, &[(1, Some(11))]).await;
    let before = checkpoint(&stream).await?;
    let position = stream.executed().await?;
    fixture.depose(&subject).await;
    let high = KeyRange {
        after: low.upto,
        upto: None,
    };
    // Killed together with its sessions, an owner may learn of it as a lost connection first.
    let stopped = |failure: Option<ErrorKind>, what: &str| {
        let expected = [Some(ErrorKind::Fenced), Some(ErrorKind::ServerGone)];
        assert!(expected.contains(&failure), "{what}: {failure:?}");
    };
    stopped(failure(stream.copy(&high).await), "copy");
    let applied = stream.apply(Applier::Alone, &[fixture.key(1)], &position).await;
    stopped(failure(applied), "apply");
    stopped(failure(stream.advance(&position).await), "advance");
    stopped(
        failure(stream.fold(before.chunks[0].range.upto.as_ref(), &before.chunks).await),
        "fold",
    );
    let fresh = opened(fixture, &subject).await?;
    assert_eq!(failure(fresh.copy(&high).await), Some(ErrorKind::Fenced));
    assert_eq!(checkpoint(&fresh).await?, before);
    assert_eq!(shadow(fixture, &subject).await, BTreeMap::from([(1, 10)]));
    Ok(())
}

/// A session lost for an unknown cause ends all of them (invariant I6): while it was gone, the server may have been replaced
/// by a replica that lacks what the owner remembers, and have come back with the same uuid and the same fence.
pub async fn a_stream_that_lost_its_sessions_is_over(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = prepared(fixture, &[(1, 10), (2, 20)]).await?;
    let before = checkpoint(&stream).await?;
    fixture.end_sessions(&subject).await;
    assert_eq!(failure(stream.copy(&KeyRange::ALL).await), Some(ErrorKind::ServerGone));
    let applied = stream.apply(Applier::Alone, &[fixture.key(1)], &before.position).await;
    assert_eq!(failure(applied), Some(ErrorKind::ServerGone));
    assert_eq!(
        failure(stream.advance(&before.position).await),
        Some(ErrorKind::ServerGone)
    );
    let again = opened(fixture, &subject).await?;
    assert_eq!(checkpoint(&again).await?, before);
    assert_eq!(again.copy(&KeyRange::ALL).await?, Copied::Rows(2));
    Ok(())
}

/// The binlog says which keys changed.
pub async fn changes_name_the_keys_in_commit_order(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = prepared(fixture, &[(1, 10), (2, 20)]).await?;
    let mut changes = changes(&stream).await?;
    fixture.write(&subject, &[(1, Some(11))]).await;
    fixture.write(&subject, &[(3, Some(30)), (2, None)]).await;
    fixture.write(&subject, &[(u64::MAX, Some(1)), (0, Some(2))]).await;
    let reported = read(&mut changes, 5, &[]).await?;
    let keys: Vec<Vec<Key>> = reported.iter().map(|change| change.keys.clone()).collect();
    let expected = [vec![1], vec![2, 3], vec![0, u64::MAX]];
    assert_eq!(
        keys,
        expected.map(|numbers| numbers.into_iter().map(|n| fixture.key(n)).collect::<Vec<_>>())
    );
    assert!(reported.iter().all(|change| change.outcome == Outcome::Committed));
    Ok(())
}

/// What is accounted for is not sent again; what is not, is.
pub async fn changes_begin_after_the_position(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = prepared(fixture, &[]).await?;
    let mut position = checkpoint(&stream).await?.position;
    for number in 1..=3 {
        fixture.write(&subject, &[(number, Some(number))]).await;
    }
    let reported = read(&mut stream.changes(&position).await?, 3, &[]).await?;
    // A position with a hole in it.
    position.insert(&reported[0].gtid);
    position.insert(&reported[2].gtid);
    fixture.write(&subject, &[(4, Some(4))]).await;
    let again = read(&mut stream.changes(&position).await?, 2, &[]).await?;
    let keys: Vec<Key> = again.into_iter().flat_map(|change| change.keys).collect();
    assert_eq!(keys, [fixture.key(2), fixture.key(4)]);
    Ok(())
}

/// Those that did not touch the source, too: else no position would ever reach what is executed.
pub async fn every_transaction_is_reported(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = copied(fixture, &[(1, 10)]).await?;
    let mut processed = checkpoint(&stream).await?.position;
    let mut changes = changes(&stream).await?;
    stream.advance(&processed).await?;
    fixture.write(&subject, &[(2, Some(20))]).await;
    stream.advance(&processed).await?;
    let executed = stream.executed().await?;
    while !executed.is_subset(&processed) {
        for change in changes.next().await? {
            processed.insert(&change.gtid);
        }
    }
    Ok(())
}

/// Invariant I3: whoever re-reads a reported key sees at least what was reported.
pub async fn a_change_is_visible_when_it_is_reported(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = copied(fixture, &[]).await?;
    let mut changes = changes(&stream).await?;
    let writes = async {
        for number in 1..=200 {
            fixture.write(&subject, &[(number, Some(number))]).await;
        }
        Ok(())
    };
    let reads = async {
        let mut reread = 0;
        while reread < 200 {
            let reported = changes.next().await?;
            let source = source(fixture, &subject).await;
            for key in reported.iter().flat_map(|change| &change.keys) {
                let number = (1..=200).find(|number| fixture.key(*number) == *key);
                let number = number.expect("only keys up to 200 are written");
                assert!(
                    source.contains_key(&number),
                    "row {number} was reported and is not visible"
                );
                reread += 1;
            }
        }
        Ok(())
    };
    futures_util::try_join!(writes, reads)?;
    Ok(())
}

/// A row that moves leaves one place and comes to another.
pub async fn a_changed_key_is_reported_old_and_new(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = prepared(fixture, &[(1, 10)]).await?;
    let mut changes = changes(&stream).await?;
    fixture.rename_row(&subject, 1, 5).await;
    let keys = read(&mut changes, 2, &[])
        .await?
        .into_iter()
        .flat_map(|change| change.keys)
        .collect();
    assert_eq!(sorted(keys), [fixture.key(1), fixture.key(5)]);
    Ok(())
}

/// The keys come with XA PREPARE, visibility with XA COMMIT.
pub async fn xa_transactions_are_reported_with_their_outcome(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = prepared(fixture, &[(1, 10), (2, 20)]).await?;
    let mut changes = changes(&stream).await?;
    let first = fixture.xa_prepare(&subject, 1, 11).await;
    let second = fixture.xa_prepare(&subject, 2, 21).await;
    assert_ne!(first, second);
    fixture.xa_end(&subject, &second, false).await;
    fixture.xa_end(&subject, &first, true).await;
    let reported = read(&mut changes, 2, &[&first, &second]).await?;
    let reported: Vec<(Vec<Key>, Outcome)> = reported.into_iter().map(|c| (c.keys, c.outcome)).collect();
    let expected = [
        (vec![fixture.key(1)], Outcome::Prepared(first.clone())),
        (vec![fixture.key(2)], Outcome::Prepared(second.clone())),
        (vec![], Outcome::XaRolledBack(second)),
        (vec![], Outcome::XaCommitted(first)),
    ];
    assert_eq!(reported, expected);
    assert_eq!(source(fixture, &subject).await, BTreeMap::from([(1, 11), (2, 20)]));
    Ok(())
}

/// TRUNCATE writes no row events.
pub async fn an_emptied_source_is_noticed(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = copied(fixture, &[(1, 10)]).await?;
    let mut changes = changes(&stream).await?;
    fixture.truncate(&subject).await;
    let noticed = loop {
        if let Err(error) = changes.next().await {
            break error;
        }
    };
    assert_eq!(noticed.kind(), ErrorKind::SourceChanged);
    Ok(())
}

/// A reader at the end of the binlog waits, and is woken.
pub async fn waiting_for_changes_ends_with_the_next_one(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = prepared(fixture, &[]).await?;
    let mut changes = changes(&stream).await?;
    let write = async {
        tokio::time::sleep(NOT_SOON).await;
        fixture.write(&subject, &[(1, Some(1))]).await;
        Ok(())
    };
    let (reported, ()) = futures_util::try_join!(read(&mut changes, 1, &[]), write)?;
    assert_eq!(reported[0].keys, [fixture.key(1)]);
    Ok(())
}

/// Nothing comes between the drain and the swap.
pub async fn a_lock_keeps_the_application_out(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = copied(fixture, &[(1, 10)]).await?;
    let cut_over = lock(&stream).await?;
    {
        let writes = [(1, Some(11))];
        let mut write = fixture.write(&subject, &writes);
        let early = tokio::time::timeout(NOT_SOON, &mut write).await;
        assert!(early.is_err(), "a write went through the lock");
        cut_over.release().await?;
        write.await;
    }
    assert_eq!(source(fixture, &subject).await, BTreeMap::from([(1, 11)]));
    assert_eq!(stream.swap_state().await?, SwapState::Shadowed);
    Ok(())
}

/// The application never waits for an agent that is gone.
pub async fn a_dropped_lock_is_released(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = copied(fixture, &[(1, 10)]).await?;
    drop(lock(&stream).await?);
    let written = tokio::time::timeout(SOON, fixture.write(&subject, &[(1, Some(11))])).await;
    assert!(written.is_ok(), "the lock outlived its owner by more than {SOON:?}");
    lock(&stream).await?.release().await
}

/// The lock is waited for so shortly that nobody notices, and nothing is left of a failed attempt.
pub async fn a_table_in_use_is_not_locked(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = copied(fixture, &[(1, 10), (2, 20)]).await?;
    let xid = fixture.xa_prepare(&subject, 1, 11).await;
    let locked = stream.lock().await;
    assert_eq!(locked.err().map(|error| error.kind()), Some(ErrorKind::Passing));
    fixture.write(&subject, &[(2, Some(21))]).await;
    fixture.xa_end(&subject, &xid, true).await;
    lock(&stream).await?.release().await
}

/// What was written before the lock is executed under it, and the reader gets there.
pub async fn under_the_lock_everything_executed_can_be_read(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = copied(fixture, &[(1, 10)]).await?;
    let mut processed = checkpoint(&stream).await?.position;
    let mut changes = changes(&stream).await?;
    fixture.write(&subject, &[(1, Some(11))]).await;
    let mut cut_over = lock(&stream).await?;
    let executed = cut_over.executed().await?;
    let mut keys = Vec::new();
    while !executed.is_subset(&processed) {
        for change in changes.next().await? {
            processed.insert(&change.gtid);
            keys.extend(change.keys);
        }
    }
    assert_eq!(sorted(keys), [fixture.key(1)]);
    cut_over.release().await
}

/// Invariant I1's one exception.
pub async fn draining_records_no_position(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = copied(fixture, &[(1, 10), (2, 20)]).await?;
    fixture
        .write(&subject, &[(1, Some(11)), (2, None), (3, Some(30))])
        .await;
    let before = checkpoint(&stream).await?;
    let mut cut_over = lock(&stream).await?;
    cut_over.drain(&[1, 2, 3].map(|number| fixture.key(number))).await?;
    // Without a swap, what was drained stays, and so does the position.
    cut_over.release().await?;
    assert_eq!(shadow(fixture, &subject).await, BTreeMap::from([(1, 11), (3, 30)]));
    assert_eq!(checkpoint(&stream).await?, before);
    Ok(())
}

/// One statement, after which the tables say what has happened.
pub async fn a_swap_puts_the_shadow_in_place(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = copied(fixture, &[(1, 10)]).await?;
    fixture.write(&subject, &[(2, Some(20))]).await;
    let mut cut_over = lock(&stream).await?;
    cut_over.executed().await?;
    cut_over.drain(&[fixture.key(2)]).await?;
    cut_over.swap().await?;
    cut_over.release().await?;
    assert_eq!(stream.swap_state().await?, SwapState::Swapped);
    let rows = BTreeMap::from([(1, 10), (2, 20)]);
    assert_eq!(fixture.rows(&subject, Place::Retired).await, Some(rows.clone()));
    assert_eq!(source(fixture, &subject).await, rows);
    assert_eq!(fixture.rows(&subject, Place::Shadow).await, None);
    // The application goes on with the new table.
    fixture.write(&subject, &[(3, Some(30))]).await;
    assert_eq!(fixture.rows(&subject, Place::Retired).await, Some(rows));
    Ok(())
}

/// A zombie neither gets the lock nor finishes a cut-over that it has begun.
pub async fn a_fenced_owner_does_not_swap(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = copied(fixture, &[(1, 10)]).await?;
    fixture.depose(&subject).await;
    let stopped = match stream.lock().await {
        Ok(mut cut_over) => failure(cut_over.executed().await),
        Err(error) => Some(error.kind()),
    };
    let expected = [Some(ErrorKind::Fenced), Some(ErrorKind::ServerGone)];
    assert!(expected.contains(&stopped), "{stopped:?}");
    assert_eq!(
        opened(fixture, &subject).await?.swap_state().await?,
        SwapState::Shadowed
    );
    fixture.write(&subject, &[(1, Some(11))]).await;
    Ok(())
}

//! What the ledger promises, one promise after the other. What they amount to together is tried in [`random`].

mod random;

use super::*;
use crate::memory::key;

const SOURCE: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

fn gtid(number: u64) -> Gtid {
    Gtid::new(SOURCE, number)
}

fn gtids(numbers: impl IntoIterator<Item = u64>) -> GtidSet {
    numbers.into_iter().map(gtid).collect()
}

fn keys(numbers: impl IntoIterator<Item = u64>) -> Vec<Key> {
    numbers.into_iter().map(key).collect()
}

/// Keys above `after` up to `upto`.
fn range(after: impl Into<Option<u64>>, upto: impl Into<Option<u64>>) -> KeyRange {
    KeyRange {
        after: after.into().map(key),
        upto: upto.into().map(key),
    }
}

fn change(number: u64, keys_changed: impl IntoIterator<Item = u64>, outcome: Outcome) -> Change {
    Change {
        gtid: gtid(number),
        keys: keys(keys_changed),
        outcome,
    }
}

fn committed(number: u64, keys_changed: impl IntoIterator<Item = u64>) -> Change {
    change(number, keys_changed, Outcome::Committed)
}

fn xid() -> Xid {
    Xid(b"xid".to_vec())
}

/// Keys up to 10 are finished, those up to 20 are being copied, the others are untouched; transaction 1 is accounted for.
fn ledger() -> Ledger {
    let checkpoint = Checkpoint {
        position: gtids([1]),
        folded: Some(range(None, 10)),
        folded_rows: 10,
        chunks: vec![],
    };
    let mut ledger = Ledger::restore(checkpoint).expect("the ranges are disjoint");
    ledger.begin_chunk(&range(10, 20)).expect("it is a gap");
    ledger
}

/// Everything is copied; transaction 1 is accounted for.
fn copied_ledger() -> Ledger {
    let checkpoint = Checkpoint {
        position: gtids([1]),
        folded: Some(KeyRange::ALL),
        ..Checkpoint::default()
    };
    Ledger::restore(checkpoint).expect("there is one range")
}

fn batch(ledger: &mut Ledger) -> Batch {
    ledger.take_batch(usize::MAX).expect("keys are queued")
}

#[test]
fn a_change_of_a_finished_range_is_applied() {
    let mut ledger = ledger();
    ledger.record(committed(2, [10, 3, 3]));
    assert_eq!(*ledger.position(), gtids([1]));
    let batch = batch(&mut ledger);
    assert_eq!(batch.keys, keys([3, 10]));
    assert_eq!(batch.position, gtids(1..=2));
    assert_eq!(*ledger.position(), gtids([1]), "not before it is applied");
    ledger.batch_applied(batch);
    assert_eq!(*ledger.position(), gtids(1..=2));
    assert_eq!(ledger.backlog(), 0);
}

#[test]
fn a_change_of_a_range_being_copied_is_held_until_that_is_finished() {
    let mut ledger = ledger();
    ledger.record(committed(2, [11, 20]));
    assert!(ledger.take_batch(usize::MAX).is_none());
    assert_eq!(ledger.backlog(), 2);
    ledger.finish_chunk(&range(10, 20), 5).expect("it was begun");
    let batch = batch(&mut ledger);
    assert_eq!(
        (batch.keys.clone(), batch.position.clone()),
        (keys([11, 20]), gtids(1..=2))
    );
}

#[test]
fn a_change_beyond_all_ranges_is_dropped() {
    let mut ledger = ledger();
    ledger.record(committed(2, [21, u64::MAX]));
    assert!(ledger.take_batch(usize::MAX).is_none());
    assert_eq!((ledger.backlog(), ledger.position()), (0, &gtids(1..=2)));
}

#[test]
fn a_held_key_keeps_its_transaction_out_of_the_position() {
    let mut ledger = ledger();
    ledger.record(committed(2, [5, 15]));
    ledger.record(committed(3, [5]));
    ledger.record(committed(4, []));
    let batch = batch(&mut ledger);
    assert_eq!(batch.position, gtids([1, 3, 4]));
    ledger.batch_applied(batch);
    assert_eq!(*ledger.position(), gtids([1, 3, 4]));
    assert_eq!(*ledger.processed(), gtids(1..=4));
}

#[test]
fn a_transaction_enters_the_position_with_the_last_of_its_keys() {
    let mut ledger = ledger();
    ledger.record(committed(2, [1, 2, 3]));
    for (expected_key, position) in [(1, gtids([1])), (2, gtids([1])), (3, gtids(1..=2))] {
        let batch = ledger.take_batch(1).expect("keys are queued");
        assert_eq!(
            (batch.keys.clone(), batch.position.clone()),
            (keys([expected_key]), position)
        );
        ledger.batch_applied(batch);
    }
}

#[test]
fn a_key_changed_by_several_transactions_is_read_once_for_all_of_them() {
    let mut ledger = ledger();
    for number in 2..=50 {
        ledger.record(committed(number, [7]));
    }
    assert_eq!(ledger.backlog(), 1);
    let batch = batch(&mut ledger);
    assert_eq!((batch.keys.clone(), batch.position.clone()), (keys([7]), gtids(1..=50)));
}

#[test]
fn a_key_that_changes_while_it_is_applied_is_applied_again() {
    let mut ledger = ledger();
    ledger.record(committed(2, [7]));
    let first = batch(&mut ledger);
    ledger.record(committed(3, [7]));
    ledger.batch_applied(first);
    assert_eq!(*ledger.position(), gtids(1..=2));
    let second = batch(&mut ledger);
    assert_eq!(
        (second.keys.clone(), second.position.clone()),
        (keys([7]), gtids(1..=3))
    );
}

#[test]
fn a_returned_batch_is_first_in_line_again() {
    let mut ledger = ledger();
    ledger.record(committed(2, [1, 2]));
    let returned = batch(&mut ledger);
    ledger.record(committed(3, [9, 2]));
    ledger.batch_returned(returned);
    assert_eq!(*ledger.position(), gtids([1]));
    let again = batch(&mut ledger);
    assert_eq!(again.keys[0], key(1));
    assert_eq!(again.keys.len(), 3, "{:?}", again.keys);
    assert_eq!(again.position, gtids(1..=3));
    ledger.batch_applied(again);
    assert_eq!((ledger.backlog(), ledger.position()), (0, &gtids(1..=3)));
}

#[test]
fn keys_to_be_read_again_belong_to_no_transaction() {
    let mut ledger = ledger();
    ledger.reread(&keys([4, 5]));
    let batch = batch(&mut ledger);
    assert_eq!((batch.keys.clone(), batch.position.clone()), (keys([4, 5]), gtids([1])));
    ledger.batch_applied(batch);
    assert_eq!((ledger.backlog(), ledger.position()), (0, &gtids([1])));
}

#[test]
fn an_xa_prepare_leaves_a_hole_that_closes_with_its_commit() {
    let mut ledger = ledger();
    ledger.record(change(2, [5], Outcome::Prepared(xid())));
    assert!(ledger.take_batch(usize::MAX).is_none(), "its rows are not visible");
    ledger.record(committed(3, []));
    assert_eq!(*ledger.position(), gtids([1, 3]));
    ledger.record(change(4, [], Outcome::XaCommitted(xid())));
    assert_eq!(*ledger.position(), gtids([1, 3]));
    let batch = batch(&mut ledger);
    assert_eq!((batch.keys.clone(), batch.position.clone()), (keys([5]), gtids(1..=4)));
    ledger.batch_applied(batch);
    assert_eq!(*ledger.position(), gtids(1..=4));
}

#[test]
fn an_xa_transaction_is_classified_when_it_commits() {
    let mut ledger = ledger();
    ledger.record(change(2, [15, 25], Outcome::Prepared(xid())));
    ledger.finish_chunk(&range(10, 20), 5).expect("it was begun");
    ledger.record(change(3, [], Outcome::XaCommitted(xid())));
    assert_eq!(batch(&mut ledger).keys, keys([15]));
}

#[test]
fn an_xa_rollback_closes_the_hole_without_keys() {
    let mut ledger = ledger();
    ledger.record(change(2, [5, 15], Outcome::Prepared(xid())));
    ledger.record(change(3, [], Outcome::XaRolledBack(xid())));
    assert_eq!((ledger.backlog(), ledger.position()), (0, &gtids(1..=3)));
}

#[test]
fn the_first_gap_is_the_lowest_range_that_nobody_has() {
    let mut ledger = Ledger::restore(Checkpoint::default()).expect("nothing can overlap");
    assert_eq!(ledger.first_gap(), Some(KeyRange::ALL));
    ledger.begin_chunk(&range(None, 5)).expect("it is a gap");
    assert_eq!(ledger.first_gap(), Some(range(5, None)));
    ledger.begin_chunk(&range(10, 20)).expect("it is a gap");
    assert_eq!(ledger.first_gap(), Some(range(5, 10)));
    ledger.finish_chunk(&range(10, 20), 1).expect("it was begun");
    ledger.begin_chunk(&range(5, 10)).expect("it is a gap");
    assert_eq!(ledger.first_gap(), Some(range(20, None)));
    ledger.begin_chunk(&range(20, None)).expect("it is a gap");
    assert_eq!(ledger.first_gap(), None);
    assert!(!ledger.copy_is_complete());
    for finished in [range(20, None), range(None, 5), range(5, 10)] {
        ledger.finish_chunk(&finished, 1).expect("it was begun");
    }
    assert!(ledger.copy_is_complete());
    assert_eq!(ledger.rows_copied(), 4);
}

#[test]
fn a_restored_ledger_copies_only_the_gaps() {
    let chunk = |range| Chunk { range, rows: 3 };
    let checkpoint = Checkpoint {
        position: gtids([1]),
        folded: Some(range(None, 10)),
        folded_rows: 10,
        chunks: vec![chunk(range(30, 40)), chunk(range(15, 20))],
    };
    let mut ledger = Ledger::restore(checkpoint).expect("the ranges are disjoint");
    assert_eq!(ledger.rows_copied(), 16);
    for expected in [range(10, 15), range(20, 30), range(40, None)] {
        assert_eq!(ledger.first_gap(), Some(expected.clone()));
        ledger.begin_chunk(&expected).expect("it is a gap");
    }
    assert_eq!(ledger.first_gap(), None);
    ledger.record(committed(2, [15, 16, 21, 31]));
    assert_eq!(batch(&mut ledger).keys, keys([16, 31]));
}

#[test]
fn ranges_that_overlap_are_inconsistent() {
    let mut ledger = ledger();
    for overlapping in [
        range(None, 1),
        range(9, 11),
        range(19, 30),
        range(12, 13),
        KeyRange::ALL,
    ] {
        let begun = ledger.begin_chunk(&overlapping);
        assert_eq!(
            begun.map_err(|error| error.kind()),
            Err(ErrorKind::Inconsistent),
            "{overlapping:?}"
        );
    }
    let never_begun = ledger.finish_chunk(&range(20, 30), 1);
    assert_eq!(never_begun.map_err(|error| error.kind()), Err(ErrorKind::Inconsistent));

    let chunk = |range| Chunk { range, rows: 1 };
    let checkpoint = Checkpoint {
        folded: Some(range(None, 10)),
        chunks: vec![chunk(range(9, 12))],
        ..Checkpoint::default()
    };
    let restored = Ledger::restore(checkpoint).map(|_| ());
    assert_eq!(restored.map_err(|error| error.kind()), Err(ErrorKind::Inconsistent));
}

#[test]
fn a_smaller_chunk_leaves_the_rest_to_a_later_snapshot() {
    let mut ledger = ledger();
    ledger.record(committed(2, [12]));
    ledger.record(committed(3, [18]));
    let smaller = ledger.shrink_chunk(&range(10, 20), key(15));
    assert_eq!(smaller, range(10, 15));
    assert_eq!(ledger.first_gap(), Some(range(15, None)));
    assert_eq!(*ledger.position(), gtids([1, 3]), "18 will be copied later");
    ledger.finish_chunk(&smaller, 2).expect("it was begun");
    assert_eq!(batch(&mut ledger).keys, keys([12]));
}

#[test]
fn the_finished_prefix_is_folded_once() {
    let mut ledger = ledger();
    assert_eq!(ledger.foldable(), None);
    ledger.begin_chunk(&range(30, 40)).expect("it is a gap");
    ledger.finish_chunk(&range(30, 40), 7).expect("it was begun");
    assert_eq!(ledger.foldable(), None, "there is a gap below");
    ledger.finish_chunk(&range(10, 20), 5).expect("it was begun");
    let chunk = Chunk {
        range: range(10, 20),
        rows: 5,
    };
    assert_eq!(ledger.foldable(), Some((range(None, 20), vec![chunk.clone()])));
    ledger.folded(&[chunk]);
    assert_eq!(ledger.foldable(), None);
    assert_eq!(ledger.rows_copied(), 22);
}

#[test]
fn it_is_drained_when_everything_executed_is_applied() {
    let mut ledger = ledger();
    ledger.finish_chunk(&range(10, 20), 5).expect("it was begun");
    assert!(!ledger.is_drained(&gtids([1])), "the copy is not complete");
    ledger.begin_chunk(&range(20, None)).expect("it is a gap");
    ledger.finish_chunk(&range(20, None), 5).expect("it was begun");
    assert!(ledger.is_drained(&gtids([1])));
    assert!(!ledger.is_drained(&gtids(1..=2)), "a transaction has not been seen");
    ledger.record(committed(2, [5]));
    assert!(!ledger.is_drained(&gtids(1..=2)), "a key is not applied");
    let batch = batch(&mut ledger);
    assert!(
        !ledger.is_drained(&gtids(1..=2)),
        "whether the batch is applied is not known"
    );
    ledger.batch_applied(batch);
    assert!(ledger.is_drained(&gtids(1..=2)));
}

#[test]
fn keys_are_taken_in_their_order_round_after_round() {
    let mut ledger = ledger();
    ledger.record(committed(2, [9, 1, 5]));
    let first = ledger.take_batch(2).expect("keys are queued");
    assert_eq!(first.keys, keys([1, 5]));
    // Below where the round has got to: their turn is after its end.
    ledger.record(committed(3, [2, 7]));
    ledger.batch_applied(first);
    let second = ledger.take_batch(3).expect("keys are queued");
    assert_eq!(second.keys, keys([7, 9, 2]));
    // What could not be applied comes first again.
    ledger.record(committed(4, [8]));
    ledger.batch_returned(second);
    assert_eq!(batch(&mut ledger).keys, keys([7, 9, 2, 8]));
}

#[test]
fn a_position_of_very_many_pieces_is_not_recorded_until_they_join_and_never_goes_back() {
    const MANY: u64 = 4 * MOST_PIECES as u64;
    let mut ledger = copied_ledger();
    // Every other transaction has a low key, and is complete long before those between.
    for number in 2..MANY {
        ledger.record(committed(number, [number % 2 * MANY + number]));
    }
    let mut recorded = gtids([1]);
    let mut most_pieces = 0;
    while let Some(batch) = ledger.take_batch(10) {
        assert!(
            batch.position.pieces() <= MOST_PIECES + 1,
            "{}",
            batch.position.pieces()
        );
        assert!(recorded.is_subset(&batch.position));
        recorded = batch.position.clone();
        ledger.batch_applied(batch);
        most_pieces = most_pieces.max(ledger.accounted.pieces());
        assert!(recorded.is_subset(ledger.position()));
        recorded = ledger.position().clone();
    }
    assert!(
        most_pieces > MOST_PIECES + 1,
        "there were never too many: {most_pieces}"
    );
    assert_eq!(recorded, gtids(1..MANY));
}

#[test]
fn reading_pauses_for_many_transactions_of_one_key() {
    let mut ledger = ledger();
    for number in 2..=50 {
        ledger.record(committed(number, [7]));
    }
    assert!(ledger.is_full(48) && !ledger.is_full(49));
    let batch = batch(&mut ledger);
    ledger.batch_applied(batch);
    assert!(!ledger.is_full(0));
}

#[test]
fn reading_pauses_for_the_same_keys_of_many_transactions() {
    let mut ledger = ledger();
    for number in 2..=50 {
        ledger.record(committed(number, [3, 7]));
    }
    assert!(ledger.is_full(97) && !ledger.is_full(98));
    let batch = batch(&mut ledger);
    ledger.batch_applied(batch);
    assert!(!ledger.is_full(0));
}

#[test]
fn the_position_goes_on_although_as_many_keys_come_as_are_applied_and_new_ones_above_all_others() {
    const LOW: u64 = 10_000;
    let mut ledger = copied_ledger();
    let mut next = 2;
    let mut write = |ledger: &mut Ledger, transactions: u64| {
        for number in next..next + transactions {
            // An old row at random, or so, and a new one.
            ledger.record(committed(number, [number * 7919 % LOW, LOW + number]));
        }
        next += transactions;
    };
    write(&mut ledger, 4_000);
    let mut recorded = ledger.position().clone();
    for _ in 0..5 {
        // Long enough for all that waits.
        for _ in 0..80 {
            let batch = ledger.take_batch(100).expect("keys are queued");
            ledger.batch_applied(batch);
            write(&mut ledger, 50);
        }
        let position = ledger.position().clone();
        assert!(position.pieces() <= MOST_PIECES + 1);
        assert!(
            recorded.is_subset(&position) && position.count() >= recorded.count() + 2_000,
            "{}",
            position.count()
        );
        recorded = position;
    }
}

#[test]
fn of_a_position_of_very_many_pieces_the_lower_ones_are_recorded() {
    const FIRST: u64 = 1_000;
    const LAST: u64 = 3_000;
    let mut ledger = copied_ledger();
    // In key order: every other of the later transactions, then the earlier ones, then the rest.
    for number in 2..=FIRST {
        ledger.record(committed(number, [10_000 + number]));
    }
    for number in FIRST + 1..=LAST {
        ledger.record(committed(number, [number % 2 * 100_000 + number]));
    }
    for _ in 0..(LAST + FIRST) / 2 / 100 {
        let batch = ledger.take_batch(100).expect("keys are queued");
        ledger.batch_applied(batch);
        ledger.position();
    }
    assert!(ledger.accounted.pieces() > MOST_PIECES + 1, "there are too few");
    assert!(gtids(1..=FIRST).is_subset(ledger.position()));
    assert!(ledger.position().pieces() <= MOST_PIECES + 1);
}

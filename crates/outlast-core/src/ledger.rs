//! What is in the shadow, what has to be applied to it, and which position is therefore true.
//!
//! The ledger decides, for every changed row that the binlog reports, one of three things (invariant I4):
//!
//! * its key lies in a finished range → it is queued to be applied;
//! * its key lies in a range that is being copied → it is held until that chunk has committed, then queued: the chunk's
//!   snapshot may be older or newer than the change;
//! * its key lies in no range yet → it is dropped, because the chunk that will copy it reads after the change was visible.
//!
//! From these follows the position (invariant I5): a transaction enters it when all of its keys are applied or dropped.
//! The ledger does no I/O and knows no server: the MySQL stream and the simulator run the same code.
//!
//! Two duties lie with the caller: a transaction is recorded only after it is *visible* on the server that is read
//! (invariant I3), and a range is begun *before* its snapshot is taken.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    ops::Bound::{self, Excluded, Unbounded},
};

use crate::{
    checkpoint::Checkpoint,
    error::{Error, ErrorKind, Result},
    gtid::{Gtid, GtidSet},
    guard::{Ends, Guard},
    key::{Key, KeyRange, compare_lower, compare_upper},
};

/// Intervals that a recorded position may have beyond those of the GTIDs that were read. Keys are applied in key order, so
/// transactions are rarely complete in the order of the binlog; and each transaction on the shadow writes the whole position.
const MOST_PIECES: usize = 256;

/// What one transaction of the binlog did to the source table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The transaction.
    pub gtid: Gtid,
    /// Keys of the rows it inserted, updated (old and new key) or deleted; may repeat.
    pub keys: Vec<Key>,
    /// Whether its effect is visible.
    pub outcome: Outcome,
}

/// How a transaction of the binlog ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Committed: its rows are visible once its GTID is executed.
    Committed,
    /// `XA PREPARE`: its rows stay invisible although its GTID is executed.
    Prepared(Xid),
    /// `XA COMMIT` of an earlier `XA PREPARE`: the rows of that one are visible once this GTID is executed.
    XaCommitted(Xid),
    /// `XA ROLLBACK` of an earlier `XA PREPARE`.
    XaRolledBack(Xid),
}

/// Identifier of an XA transaction, as the binlog writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Xid(pub Vec<u8>);

/// Keys to apply in one transaction, with the position that is true once it has committed.
#[derive(Debug)]
pub struct Batch {
    /// Keys to read again, each once.
    pub keys: Vec<Key>,
    /// The position to record in the same transaction.
    pub position: GtidSet,
    waiting: Vec<(Key, Vec<u64>)>,
}

/// A finished chunk that still has a row of its own in the checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Its range.
    pub range: KeyRange,
    /// Number of rows it copied.
    pub rows: u64,
}

/// See the module's text.
#[derive(Debug)]
pub struct Ledger {
    /// Where the first range begins and the last one ends: nowhere.
    ends: Ends,
    /// Finished ranges: sorted, disjoint, merged where they touch.
    finished: Vec<KeyRange>,
    in_flight: Vec<KeyRange>,
    /// Chunks above the watermark, as the checkpoint holds them.
    unfolded: Vec<Chunk>,
    rows_copied: u64,

    /// Transactions of which every change is in the shadow or in a range not yet copied.
    accounted: GtidSet,
    /// Of them, the last set that was not in too many pieces.
    recordable: GtidSet,
    processed: GtidSet,
    /// Transactions with keys that are neither applied nor dropped.
    open: BTreeMap<u64, Open>,
    next_open: u64,
    /// Number of such keys, each counted for every transaction that waits for it.
    waiting: usize,
    prepared: HashMap<Xid, Prepared>,

    /// Keys to apply, with the transactions that wait for each.
    queued: BTreeMap<Key, Vec<u64>>,
    /// Keys that something waits for, taken first; one that is not in `queued` any more was taken already.
    urgent: VecDeque<Key>,
    /// Where the next key in order is looked for: above the last one that was taken so.
    swept: Bound<Key>,
    /// Where the round through the keys ends, which began with the lowest of them.
    round_end: Option<Key>,
    held: HashMap<Key, Vec<u64>>,
    /// Number of keys in batches that were taken, and neither applied nor returned.
    taken: usize,
}

#[derive(Debug)]
struct Open {
    gtids: Vec<Gtid>,
    keys_left: usize,
}

#[derive(Debug)]
struct Prepared {
    gtid: Gtid,
    keys: Vec<Key>,
}

impl Ledger {
    /// The ledger of a stream that goes on from `checkpoint`.
    ///
    /// # Errors
    /// [`ErrorKind::Inconsistent`] if finished ranges overlap.
    pub fn restore(checkpoint: Checkpoint) -> Result<Self> {
        let mut ledger = Self {
            ends: Ends::OPEN,
            finished: Vec::new(),
            in_flight: Vec::new(),
            unfolded: Vec::new(),
            rows_copied: checkpoint.folded_rows,
            processed: checkpoint.position.clone(),
            recordable: checkpoint.position.clone(),
            accounted: checkpoint.position,
            open: BTreeMap::new(),
            next_open: 0,
            waiting: 0,
            prepared: HashMap::new(),
            queued: BTreeMap::new(),
            urgent: VecDeque::new(),
            swept: Unbounded,
            round_end: None,
            held: HashMap::new(),
            taken: 0,
        };
        if let Some(folded) = checkpoint.folded {
            ledger.add_finished(folded)?;
        }
        for chunk in checkpoint.chunks {
            ledger.rows_copied += chunk.rows;
            ledger.add_finished(chunk.range.clone())?;
            ledger.unfolded.push(chunk);
        }
        Ok(ledger)
    }

    // ---- ranges

    /// The lowest range that is neither finished nor in flight; `None` if all keys are one or the other.
    pub fn first_gap(&self) -> Option<KeyRange> {
        let mut taken: Vec<&KeyRange> = self.finished.iter().chain(&self.in_flight).collect();
        taken.sort_by(|a, b| compare_lower(a.after.as_ref(), b.after.as_ref()));
        let mut after: Option<Key> = None;
        for range in taken {
            if compare_lower(after.as_ref(), range.after.as_ref()).is_lt() {
                return Some(KeyRange {
                    after,
                    upto: range.after.clone(),
                });
            }
            after = Some(range.upto.clone()?);
        }
        Some(KeyRange { after, upto: None })
    }

    /// Begins to copy a part of a gap. To be called before the chunk's snapshot is taken.
    ///
    /// # Errors
    /// [`ErrorKind::Inconsistent`] if the range overlaps another one.
    pub fn begin_chunk(&mut self, range: &KeyRange) -> Result<()> {
        let overlaps = self.finished.iter().chain(&self.in_flight);
        if let Some(other) = overlaps.into_iter().find(|r| overlap(r, range)) {
            return Err(overlapping(range, other));
        }
        self.in_flight.push(range.clone());
        Ok(())
    }

    /// Makes a range in flight smaller, because its transaction was too big; it now ends at `upto`.
    ///
    /// Changes that were held for the rest are dropped: the chunk that will copy it begins later.
    pub fn shrink_chunk(&mut self, range: &KeyRange, upto: Key) -> KeyRange {
        let smaller = KeyRange {
            after: range.after.clone(),
            upto: Some(upto),
        };
        self.in_flight.retain(|r| r != range);
        self.in_flight.push(smaller.clone());
        let held = std::mem::take(&mut self.held);
        for (key, waiting) in held {
            if self.in_flight.iter().any(|r| r.contains(&key)) {
                self.held.insert(key, waiting);
            } else {
                self.settle(&waiting);
            }
        }
        smaller
    }

    /// The chunk has committed: its range is finished, and what was held for it is queued.
    ///
    /// # Errors
    /// [`ErrorKind::Inconsistent`] if the range was not in flight.
    pub fn finish_chunk(&mut self, range: &KeyRange, rows: u64) -> Result<()> {
        let before = self.in_flight.len();
        self.in_flight.retain(|r| r != range);
        if self.in_flight.len() + 1 != before {
            return Err(Error::new(
                ErrorKind::Inconsistent,
                format!("range {range:?} was finished without having been begun"),
            ));
        }
        self.add_finished(range.clone())?;
        self.unfolded.push(Chunk {
            range: range.clone(),
            rows,
        });
        self.rows_copied += rows;
        let held = std::mem::take(&mut self.held).into_iter();
        let (released, held): (HashMap<_, _>, _) = held.partition(|(key, _)| range.contains(key));
        self.held = held;
        for (key, waiting) in released {
            self.enqueue(key, waiting);
        }
        Ok(())
    }

    /// Whether no chunk has begun and not ended.
    pub fn no_chunk_is_under_way(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Whether every key is in a finished range.
    pub fn copy_is_complete(&self) -> bool {
        self.finished == [KeyRange::ALL]
    }

    /// The ends of a copy that begins.
    pub(crate) fn set_ends(&mut self, ends: Ends) {
        self.ends = ends;
    }

    /// Number of rows in finished chunks, at the time they were copied.
    pub fn rows_copied(&self) -> u64 {
        self.rows_copied
    }

    /// The finished range that is open below, if it is more than the checkpoint's folded one, with the chunks in it.
    pub fn foldable(&self) -> Option<(KeyRange, Vec<Chunk>)> {
        let prefix = self.finished.first().filter(|r| r.after.is_none())?;
        let chunks: Vec<Chunk> = self
            .unfolded
            .iter()
            .filter(|c| compare_upper(c.range.upto.as_ref(), prefix.upto.as_ref()).is_le())
            .cloned()
            .collect();
        (!chunks.is_empty()).then(|| (prefix.clone(), chunks))
    }

    /// The checkpoint holds `chunks` as part of its folded range now.
    pub fn folded(&mut self, chunks: &[Chunk]) {
        self.unfolded.retain(|c| !chunks.contains(c));
    }

    // ---- changes

    /// Takes note of a transaction that is visible on the server that is read.
    pub fn record(&mut self, change: Change) {
        let Change {
            gtid,
            mut keys,
            outcome,
        } = change;
        self.processed.insert(&gtid);
        let mut gtids = vec![gtid];
        match outcome {
            Outcome::Committed => {}
            // Without rows of the source there is nothing to wait for, and no hole.
            Outcome::Prepared(_) if keys.is_empty() => {}
            Outcome::Prepared(_) if !Guard::XaVisibility.holds() => {}
            Outcome::Prepared(xid) => {
                // The GTID stays out of the position until its XA COMMIT or ROLLBACK: a hole that makes the server send
                // the transaction again after a restart.
                if let Some(gtid) = gtids.pop() {
                    if !Guard::XaHole.holds() {
                        self.accounted.insert(&gtid);
                    }
                    self.prepared.insert(xid, Prepared { gtid, keys });
                }
                return;
            }
            Outcome::XaCommitted(xid) => {
                if let Some(prepared) = self.prepared.remove(&xid) {
                    gtids.push(prepared.gtid);
                    keys.extend(prepared.keys);
                }
            }
            Outcome::XaRolledBack(xid) => {
                keys.clear();
                gtids.extend(self.prepared.remove(&xid).map(|p| p.gtid));
            }
        }
        self.open_transaction(gtids, keys);
    }

    fn open_transaction(&mut self, gtids: Vec<Gtid>, keys: Vec<Key>) {
        let id = self.next_open;
        let mut keys_left = 0;
        for key in keys.into_iter().collect::<BTreeSet<Key>>() {
            if !self.ends.contain(&key) {
                continue;
            }
            if self.is_finished(&key) {
                self.enqueue(key, vec![id]);
            } else if Guard::Hold.holds() && self.in_flight.iter().any(|r| r.contains(&key)) {
                if !Guard::Pin.holds() {
                    self.held.entry(key).or_default();
                    continue;
                }
                self.held.entry(key).or_default().push(id);
            } else {
                continue;
            }
            keys_left += 1;
        }
        if keys_left == 0 {
            Extend::extend(&mut self.accounted, gtids);
        } else {
            self.next_open += 1;
            self.waiting += keys_left;
            self.open.insert(id, Open { gtids, keys_left });
        }
    }

    /// Up to `limit` queued keys; `None` if nothing is queued.
    ///
    /// Urgent ones come first. The others are taken in key order, from where the last batch ended, up to the one that was the highest
    /// when the round began; then the next round begins with the lowest. So keys of one page are applied together, and every key's
    /// turn comes, however many new ones come above it.
    ///
    /// The caller commits them with the batch's position and reports [`Ledger::batch_applied`], or gives the ledger up.
    pub fn take_batch(&mut self, limit: usize) -> Option<Batch> {
        let mut keys = Vec::new();
        let mut waiting = Vec::new();
        let mut done: HashMap<u64, usize> = HashMap::new();
        while keys.len() < limit
            && let Some((key, ids)) = self.next_queued()
        {
            for id in &ids {
                *done.entry(*id).or_default() += 1;
            }
            waiting.push((key.clone(), ids));
            keys.push(key);
        }
        if keys.is_empty() {
            return None;
        }
        self.taken += keys.len();
        let mut position = self.accounted.clone();
        for (id, keys_done) in done {
            let whole = |open: &&Open| open.keys_left == keys_done || !Guard::Boundary.holds();
            if let Some(open) = self.open.get(&id).filter(whole) {
                Extend::extend(&mut position, open.gtids.iter().cloned());
            }
        }
        if !self.is_recordable(&position) {
            position = self.position().clone();
        }
        Some(Batch {
            keys,
            position,
            waiting,
        })
    }

    fn next_queued(&mut self) -> Option<(Key, Vec<u64>)> {
        while let Some(key) = self.urgent.pop_front() {
            if let Some(urgent) = self.queued.remove_entry(&key) {
                return Some(urgent);
            }
        }
        let above = self.queued.range((self.swept.as_ref(), Unbounded)).next();
        let (mut next, _) = above.or_else(|| self.queued.first_key_value())?;
        let is_in_round = self.round_end.as_ref().is_some_and(|end| next <= end);
        if above.is_none() || !is_in_round {
            (next, _) = self.queued.first_key_value()?;
            self.round_end = self.queued.last_key_value().map(|(last, _)| last.clone());
        }
        let next = next.clone();
        self.swept = Excluded(next.clone());
        self.queued.remove_entry(&next)
    }

    /// The batch has committed.
    pub fn batch_applied(&mut self, batch: Batch) {
        self.taken -= batch.keys.len();
        for (_, waiting) in batch.waiting {
            self.settle(&waiting);
        }
        // The batch recorded it, and what is recorded later must not be less.
        self.recordable.extend(&batch.position);
    }

    /// The batch was rolled back; its keys are queued again, first in line.
    pub fn batch_returned(&mut self, batch: Batch) {
        self.taken -= batch.keys.len();
        for (key, waiting) in batch.waiting.into_iter().rev() {
            self.enqueue(key.clone(), waiting);
            self.urgent.push_front(key);
        }
    }

    /// Queues keys of rows that were deleted from the shadow because they stood in the way of others.
    pub fn displaced(&mut self, keys: Vec<Key>) {
        for key in keys {
            self.enqueue(key, Vec::new());
        }
    }

    /// Queues keys of copied rows to be read again before all others, although no transaction reported them.
    pub fn reread(&mut self, keys: &[Key]) {
        for key in keys {
            self.enqueue(key.clone(), Vec::new());
            self.urgent.push_back(key.clone());
        }
    }

    /// Whether a batch could be taken.
    pub fn has_queued(&self) -> bool {
        !self.queued.is_empty()
    }

    /// Whether any of these keys waits to be applied.
    pub fn any_queued(&self, keys: &[Key]) -> bool {
        keys.iter().any(|key| self.queued.contains_key(key))
    }

    /// Number of keys that wait to be applied, held ones included.
    pub fn backlog(&self) -> usize {
        self.queued.len() + self.held.len()
    }

    /// Whether so much waits to be applied that reading has to pause: keys, or keys of transactions, of which many may wait for the
    /// same key.
    pub fn is_full(&self, limit: usize) -> bool {
        self.backlog().max(self.waiting) > limit
    }

    /// What may be recorded: every change in these transactions is in the shadow or in a range not yet copied. It never gets
    /// less. While there are very many intervals of such transactions, it has the lower ones only, of which a round completes some.
    pub fn position(&mut self) -> &GtidSet {
        if self.is_recordable(&self.accounted) {
            self.recordable.clone_from(&self.accounted);
            return &self.recordable;
        }
        let lower = self.accounted.lowest(self.most_pieces());
        if self.recordable.is_subset(&lower) {
            self.recordable = lower;
        }
        &self.recordable
    }

    fn is_recordable(&self, position: &GtidSet) -> bool {
        position.pieces() <= self.most_pieces()
    }

    fn most_pieces(&self) -> usize {
        self.processed.pieces() + MOST_PIECES
    }

    /// Transactions that were recorded, whether or not they are accounted for.
    pub fn processed(&self) -> &GtidSet {
        &self.processed
    }

    /// Whether the shadow equals the source as of `executed`, everything being copied, no prepared XA transaction will change
    /// the source yet, and nobody has taken a batch whose end is not known.
    pub fn is_drained(&self, executed: &GtidSet) -> bool {
        self.is_caught_up(executed, 0) && self.prepared.is_empty() && self.taken == 0
    }

    /// The XA transactions that are prepared and have changed the source, in the order of their names.
    pub fn prepared(&self) -> Vec<Xid> {
        let mut prepared: Vec<Xid> = self.prepared.keys().cloned().collect();
        prepared.sort_by(|a, b| a.0.cmp(&b.0));
        prepared
    }

    /// Whether this is one of them.
    pub fn is_prepared(&self, xid: &Xid) -> bool {
        self.prepared.contains_key(xid)
    }

    /// Whether the shadow is as of `executed`, but for at most `few` keys.
    pub fn is_caught_up(&self, executed: &GtidSet, few: usize) -> bool {
        self.copy_is_complete() && self.backlog() <= few && executed.is_subset(&self.processed)
    }

    fn is_finished(&self, key: &Key) -> bool {
        // The last finished range that begins below the key is the only one that can hold it.
        let candidates = self
            .finished
            .partition_point(|r| r.after.as_ref().is_none_or(|a| a.compare(key).is_lt()));
        candidates > 0 && self.finished[candidates - 1].contains(key)
    }

    fn enqueue(&mut self, key: Key, mut waiting: Vec<u64>) {
        self.queued.entry(key).or_default().append(&mut waiting);
    }

    /// One key of each of these transactions is applied or dropped.
    fn settle(&mut self, transactions: &[u64]) {
        for id in transactions {
            let Some(open) = self.open.get_mut(id) else {
                continue;
            };
            open.keys_left -= 1;
            self.waiting -= 1;
            if open.keys_left == 0
                && let Some(open) = self.open.remove(id)
            {
                Extend::extend(&mut self.accounted, open.gtids);
            }
        }
    }

    fn add_finished(&mut self, range: KeyRange) -> Result<()> {
        if let Some(other) = self.finished.iter().find(|r| overlap(r, &range)) {
            return Err(overlapping(&range, other));
        }
        let at = self
            .finished
            .partition_point(|r| compare_lower(r.after.as_ref(), range.after.as_ref()).is_lt());
        self.finished.insert(at, range);
        if at + 1 < self.finished.len() && self.finished[at + 1].follows(&self.finished[at]) {
            let above = self.finished.remove(at + 1);
            self.finished[at].upto = above.upto;
        }
        if at > 0 && self.finished[at].follows(&self.finished[at - 1]) {
            let this = self.finished.remove(at);
            self.finished[at - 1].upto = this.upto;
        }
        Ok(())
    }
}

/// Whether two ranges share a key. Empty ranges do not occur: a boundary lies above its range's lower bound.
fn overlap(a: &KeyRange, b: &KeyRange) -> bool {
    let starts_below_end = |lower: &Option<Key>, upper: &Option<Key>| match (lower, upper) {
        (Some(lower), Some(upper)) => lower.compare(upper).is_lt(),
        _ => true,
    };
    starts_below_end(&a.after, &b.upto) && starts_below_end(&b.after, &a.upto)
}

fn overlapping(range: &KeyRange, other: &KeyRange) -> Error {
    Error::new(
        ErrorKind::Inconsistent,
        format!(
            "key range {range:?} overlaps the range {other:?}, which is copied already; the checkpoint contradicts \
             itself, and nothing further is written"
        ),
    )
}

#[cfg(test)]
mod tests;

//! What one writer was promised.

use std::collections::BTreeMap;
use std::fmt;

use rand::Rng;
use rand::rngs::StdRng;

/// What a writer wrote into a row; other columns follow from it or are not its business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowState {
    /// Who wrote it: the writer's number plus one, or 0 for a row that was there before.
    pub writer: i32,
    /// Grows with every write of that writer.
    pub version: i64,
    /// The unique value.
    pub email: String,
}

/// A write that was acknowledged and is not there any more, with nothing written after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostWrite {
    /// The row's primary key.
    pub id: u64,
    /// What was acknowledged; `None` for a deletion.
    pub acknowledged: Option<RowState>,
    /// What stands there; `None` if there is no such row.
    pub found: Option<RowState>,
}

#[derive(Debug, Clone, Default)]
struct Promise {
    acknowledged: Option<RowState>,
    /// Writes after the acknowledged one whose reply never came: they may have happened.
    in_doubt: Vec<Option<RowState>>,
}

/// All the rows a writer wrote or looked at, and what must be in them.
pub(crate) struct Ledger {
    /// What the writer puts into the column `writer`.
    writer: i32,
    /// The highest key that was there before the load; the server chooses those above.
    filled: u64,
    promises: BTreeMap<u64, Promise>,
    /// What is certainly in these rows of the present server.
    known: BTreeMap<u64, Option<RowState>>,
    /// Keys of rows deleted on the present server, which this writer may use again.
    free: Vec<u64>,
    lost: Vec<LostWrite>,
}

/// Without the rows: there are thousands.
impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("rows", &self.rows())
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

impl Ledger {
    pub(crate) fn new(writer: i32, filled: u64) -> Self {
        Self {
            writer,
            filled,
            promises: BTreeMap::new(),
            known: BTreeMap::new(),
            free: Vec::new(),
            lost: Vec::new(),
        }
    }

    /// Another connection, perhaps another server: every row must be looked at again before it is written.
    pub(crate) fn forget_server(&mut self) {
        self.known.clear();
        self.free.clear();
    }

    pub(crate) fn forget_row(&mut self, id: u64) {
        self.known.remove(&id);
    }

    /// What is in a row, if that is certain.
    pub(crate) fn known(&self, id: u64) -> Option<&Option<RowState>> {
        self.known.get(&id)
    }

    /// The server showed what is in a row: settles doubts, or finds a loss. From now on that is promised.
    pub(crate) fn observe(&mut self, id: u64, found: Option<RowState>) {
        let found = self.own(id, found.as_ref()).cloned();
        let loss = self
            .promises
            .get(&id)
            .and_then(|promise| promise.contradiction(id, found.as_ref()));
        self.lost.extend(loss);
        self.promises.insert(
            id,
            Promise {
                acknowledged: found.clone(),
                in_doubt: Vec::new(),
            },
        );
        self.known.insert(id, found);
    }

    pub(crate) fn acknowledge(&mut self, id: u64, state: Option<RowState>) {
        if state.is_none() {
            self.free.push(id);
        }
        self.known.insert(id, state.clone());
        self.promises.insert(
            id,
            Promise {
                acknowledged: state,
                in_doubt: Vec::new(),
            },
        );
    }

    /// A write whose reply was lost. The row was looked at before, as every row is, so there is a promise for it; a key that
    /// was never seen had no row.
    pub(crate) fn doubt(&mut self, id: u64, state: Option<RowState>) {
        self.known.remove(&id);
        self.promises.entry(id).or_default().in_doubt.push(state);
    }

    /// A key whose row this writer deleted.
    pub(crate) fn take_free(&mut self) -> Option<u64> {
        self.free.pop()
    }

    /// Any row this writer wrote or looked at, and that was there at last sight.
    pub(crate) fn any_written(&self, rng: &mut StdRng) -> Option<u64> {
        let (last, _) = self.promises.last_key_value()?;
        let start = rng.random_range(0..=*last);
        let mut from_start = self
            .promises
            .range(start..)
            .chain(self.promises.range(..start))
            .take(50);
        from_start
            .find(|(_, promise)| promise.acknowledged.is_some())
            .map(|(id, _)| *id)
    }

    /// The row, unless it is another writer's: after a rollback at a failover, or a lost insert, the new primary chooses the
    /// same key again for somebody else.
    fn own<'a>(&self, id: u64, found: Option<&'a RowState>) -> Option<&'a RowState> {
        found.filter(|row| id <= self.filled || row.writer == self.writer)
    }

    pub(crate) fn rows(&self) -> usize {
        self.promises.len()
    }

    pub(crate) fn holds(&self, id: u64) -> bool {
        self.promises.contains_key(&id)
    }

    pub(crate) fn in_doubt(&self) -> usize {
        self.promises
            .values()
            .filter(|promise| !promise.in_doubt.is_empty())
            .count()
    }

    /// The losses noticed while writing, and those that the rows `found` at the end show.
    pub(crate) fn losses(&self, found: &BTreeMap<u64, RowState>) -> Vec<LostWrite> {
        let at_the_end = self
            .promises
            .iter()
            .filter_map(|(id, promise)| promise.contradiction(*id, self.own(*id, found.get(id))));
        self.lost.iter().cloned().chain(at_the_end).collect()
    }
}

impl Promise {
    fn contradiction(&self, id: u64, found: Option<&RowState>) -> Option<LostWrite> {
        let kept = self.acknowledged.as_ref() == found || self.in_doubt.iter().any(|state| state.as_ref() == found);
        (!kept).then(|| LostWrite {
            id,
            acknowledged: self.acknowledged.clone(),
            found: found.cloned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(version: i64) -> Option<RowState> {
        Some(RowState {
            writer: 1,
            version,
            email: format!("{version}"),
        })
    }

    fn table(rows: &[(u64, i64)]) -> BTreeMap<u64, RowState> {
        rows.iter()
            .filter_map(|(id, version)| Some((*id, row(*version)?)))
            .collect()
    }

    #[test]
    fn an_acknowledged_write_that_is_gone_is_a_loss() {
        let mut ledger = Ledger::new(1, 100);
        ledger.acknowledge(7, row(1));
        ledger.acknowledge(7, row(2));
        assert!(ledger.losses(&table(&[(7, 2)])).is_empty());
        assert_eq!(ledger.losses(&table(&[(7, 1)])).len(), 1);
        assert_eq!(ledger.losses(&table(&[])).len(), 1);
    }

    #[test]
    fn a_deleted_row_that_comes_back_is_a_loss() {
        let mut ledger = Ledger::new(1, 100);
        ledger.acknowledge(7, None);
        assert!(ledger.losses(&table(&[])).is_empty());
        assert_eq!(ledger.losses(&table(&[(7, 1)])).len(), 1);
    }

    #[test]
    fn a_write_in_doubt_may_have_happened_or_not_until_it_is_seen() {
        let mut ledger = Ledger::new(1, 100);
        ledger.acknowledge(7, row(1));
        ledger.doubt(7, row(2));
        assert!(ledger.losses(&table(&[(7, 1)])).is_empty());
        assert!(ledger.losses(&table(&[(7, 2)])).is_empty());
        assert_eq!(ledger.losses(&table(&[(7, 3)])).len(), 1);

        ledger.observe(7, row(2));
        assert_eq!(ledger.losses(&table(&[(7, 1)])).len(), 1);
    }

    #[test]
    fn a_doubtful_first_write_to_a_row_remembers_what_was_there() {
        let mut ledger = Ledger::new(1, 100);
        ledger.observe(7, row(1));
        ledger.doubt(7, row(2));
        assert!(ledger.losses(&table(&[(7, 1)])).is_empty());
        assert_eq!(ledger.losses(&table(&[])).len(), 1);
    }

    #[test]
    fn a_key_chosen_again_for_another_writer_hides_no_loss_and_makes_none() {
        let others = RowState {
            writer: 2,
            version: 9,
            email: "9".to_owned(),
        };
        let found = BTreeMap::from([(101, others)]);
        let mut rolled_back = Ledger::new(1, 100);
        rolled_back.doubt(101, row(1));
        assert!(rolled_back.losses(&found).is_empty());

        let mut lost = Ledger::new(1, 100);
        lost.acknowledge(101, row(1));
        assert_eq!(lost.losses(&found).len(), 1);
    }
}

//! What moves rows from source to shadow: contract of every stream backend.
//!
//! A backend offers the single steps. Their order (which range next, what to hold, when to cut over) is decided once,
//! in [`engine`](crate::engine), on every backend alike.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;

use crate::{
    check_up::{Check, Wanted},
    checkpoint::Checkpoint,
    error::Result,
    gtid::GtidSet,
    ids::Server,
    intent::{Altered, Choice, Intent, IntentState},
    key::{Key, KeyRange},
    ledger::Change,
    scheduler::{Lease, Migration, Path},
};

/// Opens streams on a primary.
#[async_trait]
pub trait Stream: Send + Sync {
    /// Schema and table of the statement, by its text alone: no server is asked whether they exist.
    ///
    /// # Errors
    /// As [`Stream::examine`], which finds the same table.
    fn target(&self, request: &Examination) -> Result<(String, String)>;

    /// Checks everything that can be checked before anything is changed.
    ///
    /// # Errors
    /// `Refused` with the reason and a way out; `AccessDenied`; `StatementRejected`.
    async fn examine(&self, primary: &Server, request: &Examination) -> Result<Examined>;

    /// What migrations need of `server` (primary or replica), and whether it is there. Changes nothing. Default: they need nothing.
    ///
    /// # Errors
    /// Those of the server, classified.
    async fn check_up(&self, server: &Server, wanted: &Wanted) -> Result<Vec<Check>> {
        let _ = (server, wanted);
        Ok(Vec::new())
    }

    /// Opens the stream of a migration that is leased. Changes nothing.
    ///
    /// # Errors
    /// `ServerGone`, `Fenced` (another server answers).
    async fn open(&self, lease: &Lease, migration: &Migration) -> Result<Arc<dyn OpenStream>>;

    /// Schema and name of every shadow and retired table of any migration that there is on `server` (primary or replica). Only looks.
    ///
    /// # Errors
    /// Those of the server.
    async fn own_tables(&self, server: &Server) -> Result<BTreeSet<(String, String)>>;

    /// Drops the shadow and the retired table of a migration that has ended, with their schemas. Idempotent.
    ///
    /// # Errors
    /// `BadRequest` if the migration has not ended.
    async fn clean_up(&self, primary: &Server, migration: &Migration) -> Result<()>;
}

/// What is asked of [`Stream::examine`].
#[derive(Clone, Debug)]
pub struct Examination {
    /// The user's statement.
    pub statement: String,
    /// Schema to use if the statement names none.
    pub default_schema: Option<String>,
    /// Whether the server may be let change the table itself, without a copy.
    pub allow_direct: bool,
    /// Whether to copy even if the copy seems to need more disk space than is free.
    pub ignore_disk_space: bool,
    /// Whether those indexes of the new table that can wait are to be built once its rows are copied.
    pub defer_indexes: bool,
}

impl Examination {
    /// What a user asks for who gives no options.
    pub fn of(statement: impl Into<String>, default_schema: Option<String>) -> Self {
        Self {
            statement: statement.into(),
            default_schema,
            allow_direct: true,
            ignore_disk_space: false,
            defer_indexes: false,
        }
    }
}

/// What [`Stream::examine`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// Schema of the table, as stored.
    pub schema: String,
    /// The table, as stored.
    pub table: String,
    /// Estimate of its rows.
    pub table_rows: u64,
    /// How the new definition would get into place.
    pub path: Path,
    /// For people: why rows are copied; empty if none are.
    pub why_copied: String,
    /// What the server would be told to do instead of a copy, under a lock; `None` if rows are copied.
    pub direct: Option<String>,
    /// The key that rows are copied by; empty if nothing is copied.
    pub key: String,
    /// Its columns.
    pub key_columns: Vec<String>,
    /// What a copy does to columns; those that stay what they are, under their names, are left out.
    pub columns: Vec<ColumnChange>,
    /// What a copy takes; `None` if nothing is copied.
    pub space: Option<Space>,
}

/// What becomes of a column: its definition without default and comment, in the server's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnChange {
    /// `None` if it is added.
    pub before: Option<String>,
    /// `None` if it is dropped.
    pub after: Option<String>,
}

/// Disk space that a copy takes on every server, by estimate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// Bytes of the new table and its indexes.
    pub table: u64,
    /// Bytes that the copy adds to the binlog.
    pub binlog: u64,
    /// Bytes that are free for the data on the primary; `None` if that can't be known from here.
    pub free: Option<u64>,
}

/// Which tables exist under which of the migration's names: tells whether the swap has happened (invariant I8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwapState {
    /// Neither shadow nor retired table exists: not prepared yet.
    Unprepared,
    /// The shadow waits beside the source.
    Shadowed,
    /// The shadow bears the source's name, the source is retired.
    Swapped,
}

/// An open stream under a lease, on one server.
///
/// Every method that writes does so in transactions that check the fence first (invariant I6) and record progress with
/// the data (invariant I1). Methods may be called at the same time from several places, but no two `apply` calls for the
/// same key. After an error of kind `ServerGone`, `NotPrimary` or `Fenced` the stream is to be dropped, not used again.
/// The loss of one of its sessions ends the stream: from then on everything is `ServerGone`, and nothing reconnects by itself.
/// (While the session was gone, a replica that lacks what this stream remembers may have been promoted, and its data have come
/// back to this server under the same fence.)
/// Dropping a future or the stream ends the sessions it used; their transactions roll back.
#[async_trait]
pub trait OpenStream: Send + Sync {
    /// Whether the swap has happened.
    ///
    /// # Errors
    /// `Inconsistent` if the tables that exist fit none of the states, naming them.
    async fn swap_state(&self) -> Result<SwapState>;

    /// Finds out whether the server can change the source itself without touching its rows, by trying it on an empty clone,
    /// which is dropped again. Changes nothing else.
    ///
    /// The proposal is not binding: the server may still refuse on the source in the end: what is proposed may turn out to be impossible.
    ///
    /// # Errors
    /// `StatementRejected` with the server's own words if the statement asks for such a path and there is none; `Passing`.
    async fn propose(&self) -> Result<Choice>;

    /// Whether an intent has been carried out, told by the source's definition. Only looks.
    ///
    /// # Errors
    /// `SourceChanged` if the definition is neither the one before nor the one after.
    async fn intent_state(&self, intent: &Intent) -> Result<IntentState>;

    /// Carries out an intent, at most once: in one session that has locked source and fence, and checks the fence and the
    /// source's definition under that lock. The lock is waited for, and held, for a fraction of a second; everything is
    /// released whatever the outcome. Calling again is harmless: what is done is not done again.
    ///
    /// # Errors
    /// `Passing` if the lock was not granted in time: nothing was changed; `SourceChanged` as in
    /// [`OpenStream::intent_state`]; `StatementRejected` if it turns out to be impossible and the statement allows no copy;
    /// `Fenced`, `NotPrimary`. After `ServerGone` the caller does not know whether it happened.
    async fn alter(&self, intent: &Intent) -> Result<Altered>;

    /// Creates the shadow, runs the ALTER on it and records [`Progress::Begin`](crate::checkpoint::Progress::Begin).
    /// Where the migration's options say so, the shadow lacks indexes that [`OpenStream::build_indexes`] adds.
    /// Left-overs of an earlier attempt that recorded nothing are removed first.
    ///
    /// # Errors
    /// `StatementRejected` with the server's own words; `Refused`.
    async fn prepare(&self) -> Result<()>;

    /// The checkpoint; `None` if `prepare` has not finished.
    ///
    /// # Errors
    /// Those of the server.
    async fn checkpoint(&self) -> Result<Option<Checkpoint>>;

    /// Estimate of the source's rows.
    ///
    /// # Errors
    /// Those of the server.
    async fn table_rows(&self) -> Result<u64>;

    /// Reads what the first chunk and the first changes need, once there is a checkpoint; what can't be read is found out by those who need
    /// it. Default: nothing.
    async fn read_ahead(&self) {}

    /// `@@gtid_executed`, to see how far the stream is behind.
    ///
    /// # Errors
    /// Those of the server.
    async fn executed(&self) -> Result<GtidSet>;

    /// The key of the `rows`-th row of `range` in key order; `None` if the range has no more rows than that.
    ///
    /// # Errors
    /// Those of the server.
    async fn boundary(&self, range: &KeyRange, rows: u64) -> Result<Option<Key>>;

    /// Copies the range in one transaction, recording it. Returns the number of rows.
    ///
    /// # Errors
    /// `TooBig`, `Passing`, `DataRejected`. A duplicate of a unique value is no error but [`Copied::Collision`]; one of the
    /// copy key itself is `Inconsistent`.
    async fn copy(&self, range: &KeyRange) -> Result<Copied>;

    /// Reads the keys again in one transaction, recording the position: of all appliers, or of the one, which must hold already
    /// whatever becomes of the others.
    ///
    /// Where somebody applies alone, rows of the shadow are deleted in the same transaction if they stand in the way: if they hold
    /// a unique value of a row that is read, and the source's own rows with their keys don't have it any more. Returns their keys, which
    /// are to be read again. They will be even if the caller dies: the transactions that took the value from those rows are
    /// in no position before the rows are applied.
    ///
    /// # Errors
    /// `Duplicate` if two rows of the source have a value, or if one of several appliers meets a value that any row of
    /// the shadow holds; without a server's code if the rows in the way are others each time, which is no proof of
    /// a duplicate. Else as `copy`.
    async fn apply(&self, applier: Applier, keys: &[Key], position: &GtidSet) -> Result<Vec<Key>>;

    /// Records the position without data, when there is nothing to apply.
    ///
    /// # Errors
    /// Those of the server.
    async fn advance(&self, position: &GtidSet) -> Result<()>;

    /// Records that chunks became part of the folded range.
    ///
    /// # Errors
    /// Those of the server.
    async fn fold(&self, upto: Option<&Key>, chunks: &[crate::ledger::Chunk]) -> Result<()>;

    /// Reads the changes of the source from the first transaction that is not in `position`.
    ///
    /// # Errors
    /// `BinlogPurged`.
    async fn changes(&self, position: &GtidSet) -> Result<Box<dyn Changes>>;

    /// Names of the indexes that the shadow still lacks. Only looks.
    ///
    /// # Errors
    /// `Refused` if the shadow's definition is not understood; those of the server.
    async fn missing_indexes(&self) -> Result<Vec<String>>;

    /// Builds the indexes that the shadow still lacks, for as long as that takes. To be called once everything is copied, while
    /// nobody writes the shadow. Idempotent. Dropping the future ends it, on the server too, as soon as that hears of it.
    ///
    /// # Errors
    /// `Passing` if another session still builds them; `Fenced`; those of the server. On an error the shadow has all of them or none.
    async fn build_indexes(&self) -> Result<()>;

    /// Removes what a broken-off attempt at the swap left on the tables beside what [`OpenStream::swap_state`] tells: what binds
    /// the shadow or the retired table to other tables, and would get in the application's way. To be called when a stream was
    /// opened, after a failed attempt and after the swap, and not during an attempt. Idempotent; changes no rows; a fenced owner
    /// may come late without harm.
    ///
    /// # Errors
    /// `Fenced`; `Passing` if others hold what has to be touched: then nothing may be written to the shadow, and the migration is
    /// not to be called complete.
    async fn mend(&self) -> Result<()>;

    /// Locks source and shadow against everybody else, waiting a fraction of a second for the lock.
    ///
    /// # Errors
    /// `Passing` if the lock was not granted in time; nothing is locked then. `Inconsistent` if the shadow lacks indexes.
    async fn lock(&self) -> Result<Box<dyn CutOver>>;
}

/// Who applies keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applier {
    /// Nobody else writes the shadow, but lanes that copy: the transaction stands for the work of all appliers.
    Alone,
    /// One of several that work at once, by its number, from 0. No two of them have keys that the server takes for equal.
    OneOf(u32),
}

/// Result of copying a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Copied {
    /// Committed, with this number of rows.
    Rows(u64),
    /// Rolled back: rows of the shadow hold unique values of the chunk.
    Collision(Collision),
}

/// A unique value of a row to be copied is held by a row of the shadow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collision {
    /// Keys of the shadow's rows that hold it; to be read again before the chunk is tried again.
    pub keys: Vec<Key>,
    /// Which value of which unique key it is, in any words that are the same each time. Of several, one.
    pub duplicate: String,
    /// For people: key name and values.
    pub message: String,
}

/// Changes of the source, in binlog order.
#[async_trait]
pub trait Changes: Send {
    /// The next transactions, at least one, as many as are at hand up to a bound; each *visible* on the server that is
    /// read by the time they are returned (invariant I3). Every transaction of the server is returned, also those that
    /// did not touch the source. Not cancellation-safe: after a dropped call the value is to be dropped.
    ///
    /// # Errors
    /// `SourceChanged` if a statement altered or emptied the table; `KeyMissing` if an event lacks key columns;
    /// `ServerGone`, `BinlogPurged`.
    async fn next(&mut self) -> Result<Vec<Change>>;
}

/// Source and shadow are locked by one session.
///
/// Dropping it ends the session, which releases the locks.
#[async_trait]
pub trait CutOver: Send {
    /// `@@gtid_executed`, read under the lock: everything the source will ever hold before the swap.
    ///
    /// # Errors
    /// `ServerGone`; `Fenced` if the fence is not this owner's.
    async fn executed(&mut self) -> Result<GtidSet>;

    /// Reads the keys again, under the lock, in a transaction of its own, which is committed but records no position
    /// (invariant I1's one exception). Returns the keys of rows that stood in the way, as [`OpenStream::apply`] of one that applies alone.
    ///
    /// # Errors
    /// As [`OpenStream::apply`].
    async fn drain(&mut self, keys: &[Key]) -> Result<Vec<Key>>;

    /// Checks definition, triggers and foreign keys again, carries AUTO_INCREMENT over, proves that the lock still holds
    /// and renames both tables in one statement. What binds the source to other tables goes over to the new one: the live table
    /// is at no moment without it, but the shadow may keep it after a failure, and the retired table after the swap, until
    /// [`OpenStream::mend`]. After an error other than a clear refusal the caller does not know
    /// whether it happened, and looks at [`OpenStream::swap_state`].
    ///
    /// # Errors
    /// `SourceChanged`, `Passing`, `ServerGone`.
    async fn swap(&mut self) -> Result<()>;

    /// Releases the locks.
    ///
    /// # Errors
    /// Those of the server; the locks are released all the same, at the latest by the end of the session.
    async fn release(self: Box<Self>) -> Result<()>;
}

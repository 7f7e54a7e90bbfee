//! The persisted progress of a stream: contract of every checkpoint store.

use std::any::Any;

use async_trait::async_trait;

use crate::{
    check_up::Check,
    error::Result,
    gtid::GtidSet,
    ids::{MigrationId, Server},
    key::{Key, KeyRange},
    ledger::Chunk,
    scheduler::Lease,
};

/// What a stream has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Transactions that every applier has accounted for.
    pub position: GtidSet,
    /// The finished range that is open below and has no row per chunk any more.
    pub folded: Option<KeyRange>,
    /// Number of rows copied in `folded`.
    pub folded_rows: u64,
    /// Finished chunks outside of `folded`.
    pub chunks: Vec<Chunk>,
}

/// A step forward, recorded in the transaction that does it.
#[derive(Clone, Debug)]
pub enum Progress<'a> {
    /// The stream begins: transactions up to `position` need no catch-up, nothing is copied.
    Begin {
        /// `@@gtid_executed` of a moment before the first chunk's snapshot.
        position: &'a GtidSet,
    },
    /// A chunk was copied.
    Copied(&'a Chunk),
    /// Everything in `position` is accounted for, as one of several appliers says; it has a row of its own.
    Applied {
        /// Number of the applier, from 0.
        applier: u32,
        /// What is done.
        position: &'a GtidSet,
    },
    /// The same, said for all appliers.
    Advanced {
        /// What is done.
        position: &'a GtidSet,
    },
    /// `chunks` become part of the folded range, which then ends at `upto` (`None`: everything is copied).
    Folded {
        /// New end of the folded range.
        upto: Option<&'a Key>,
        /// The chunks that need no row of their own any more.
        chunks: &'a [Chunk],
    },
}

/// An open transaction on the server that holds source, shadow and checkpoint, begun under a [`Lease`].
///
/// Whoever opens one has checked the fence in it (invariant I6). The only way to commit is [`Transaction::commit`], which
/// takes the proof that progress was recorded in this very transaction: progress can neither be forgotten nor saved
/// elsewhere (invariant I1).
#[async_trait]
pub trait Transaction: Send {
    /// The lease whose fence was checked.
    fn lease(&self) -> &Lease;

    /// Distinguishes this transaction from all others of this process.
    fn serial(&self) -> u64;

    /// For the store, which knows the concrete type of the backend family it belongs to.
    fn as_any_mut(&mut self) -> &mut dyn Any;

    /// Commits data and progress together. On an error the caller does not know whether it committed.
    ///
    /// # Panics
    /// If `recorded` comes from another transaction: a programming error that must not reach the data.
    async fn commit(self: Box<Self>, recorded: Recorded) -> Result<()>;

    /// Rolls back. Dropping the transaction does the same by ending its session.
    async fn rollback(self: Box<Self>) -> Result<()>;
}

/// Proof that a [`CheckpointStore`] recorded progress in a transaction.
#[derive(Debug)]
#[must_use]
pub struct Recorded {
    serial: u64,
}

impl Recorded {
    /// For implementations of [`CheckpointStore::record`], once the progress is written in `transaction`.
    pub fn within(transaction: &dyn Transaction) -> Self {
        Self {
            serial: transaction.serial(),
        }
    }

    /// For implementations of [`Transaction::commit`].
    ///
    /// # Panics
    /// If the progress was recorded in another transaction.
    pub fn assert_within(&self, transaction: &dyn Transaction) {
        assert_eq!(
            self.serial,
            transaction.serial(),
            "progress was recorded in another transaction than the one that moved the data"
        );
    }
}

/// Keeps checkpoints on the cluster that is being migrated, so that they replicate with the data.
///
/// * **Atomic**: what `record` writes becomes visible and durable with the rest of the transaction, or not at all.
/// * **Idempotent**: recording the same progress again has no further effect.
/// * **Independent**: `Copied` of different chunks and `Applied` of different appliers never write the same row, so that
///   replicas can apply them in parallel.
/// * **Fenced** by the transaction; a store checks nothing itself.
/// * **Cancellation**: a dropped future leaves the transaction open and unusable; its owner drops it.
#[async_trait]
pub trait CheckpointStore: Send + Sync {
    /// Creates what the store needs on `primary`. Idempotent.
    ///
    /// # Errors
    /// Those of the server, classified.
    async fn install(&self, primary: &Server) -> Result<()>;

    /// What the store needs of `server` (primary or replica), and whether it is there. Changes nothing. Default: it needs nothing.
    ///
    /// # Errors
    /// Those of the server, classified.
    async fn check_up(&self, server: &Server) -> Result<Vec<Check>> {
        let _ = server;
        Ok(Vec::new())
    }

    /// The checkpoint as `server` (primary or replica) holds it; `None` before [`Progress::Begin`] was recorded.
    ///
    /// # Errors
    /// Those of the server; `Inconsistent` if what is stored can't be read.
    async fn load(&self, server: &Server, id: &MigrationId) -> Result<Option<Checkpoint>>;

    /// Writes `progress` in `transaction`, for the migration of its lease.
    ///
    /// # Errors
    /// Those of the server. The transaction must be rolled back then.
    async fn record(&self, transaction: &mut dyn Transaction, progress: Progress<'_>) -> Result<Recorded>;

    /// Forgets the checkpoint of a migration that is over or is to start anew. Idempotent.
    ///
    /// # Errors
    /// Those of the server.
    async fn forget(&self, primary: &Server, id: &MigrationId) -> Result<()>;
}

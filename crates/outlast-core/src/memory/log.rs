//! What a transaction in the log does.

use crate::{
    checkpoint::Checkpoint,
    gtid::{Gtid, GtidSet},
    ids::{Epoch, Incarnation, MigrationId, ServerUuid},
    intent::Choice,
    key::KeyRange,
    ledger::{Chunk, Xid},
    scheduler::{Event, PolicyComponent},
};

use super::data::{StoredMigration, TableName};

/// A transaction in a log.
#[derive(Debug)]
pub(super) struct Logged {
    pub(super) gtid: Gtid,
    pub(super) effect: Effect,
}

#[derive(Debug)]
pub(super) enum Effect {
    Commit(Vec<Write>),
    XaPrepare(Xid, Vec<Write>),
    XaCommit(Xid),
    XaRollback(Xid),
}

impl Effect {
    /// What the transaction writes as soon as it is executed.
    pub(super) fn writes(&self) -> &[Write] {
        match self {
            Self::Commit(writes) | Self::XaPrepare(_, writes) => writes,
            Self::XaCommit(_) | Self::XaRollback(_) => &[],
        }
    }
}

/// A change of one row or one table, as row-based replication carries it: after-images, no conditions.
#[derive(Clone, Debug)]
pub(super) enum Write {
    /// A row of a user's, shadow or retired table; `None` deletes it.
    Row {
        table: TableName,
        key: u64,
        value: Option<u64>,
    },
    Create {
        table: TableName,
        unique_values: bool,
    },
    Drop(TableName),
    /// Like TRUNCATE: no row events.
    Empty(TableName),
    /// An ALTER TABLE without a copy.
    SwapColumns(TableName),
    MakeRigid(TableName),
    /// Several renames in one statement.
    Rename(Vec<(TableName, TableName)>),
    Install(Part),
    Migration(Box<StoredMigration>),
    Fence(MigrationId, Fence),
    Event(MigrationId, Event),
    Component(PolicyComponent),
    Chosen(MigrationId, Box<Choice>),
    Begun(MigrationId, Box<Checkpoint>),
    Applied {
        id: MigrationId,
        applier: u32,
        position: GtidSet,
    },
    Chunk(MigrationId, Chunk),
    Folded {
        id: MigrationId,
        range: KeyRange,
        rows: u64,
        chunks: Vec<Chunk>,
    },
    Forgotten(MigrationId),
}

/// What can be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Scheduler,
    Checkpoints,
}

/// The fence row of a migration: the triple of invariant I6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fence {
    pub(super) epoch: Epoch,
    /// `None` once the migration is over: no lease matches any more.
    pub(super) holder: Option<(Incarnation, ServerUuid)>,
}

//! What a transaction in the log does.

use std::fmt;

use crate::{
    checkpoint::Checkpoint,
    gtid::{Gtid, GtidSet},
    ids::{Epoch, Incarnation, MigrationId, ServerUuid},
    intent::Choice,
    key::KeyRange,
    ledger::{Chunk, Xid},
    scheduler::{Event, PolicyComponent},
    throttle::Limits,
};

use super::data::{StoredMigration, TableName};

/// A transaction in a log.
#[derive(Debug)]
pub(super) struct Logged {
    pub(super) gtid: Gtid,
    pub(super) origin: Origin,
    pub(super) effect: Effect,
}

/// Whose transaction it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Application,
    Backend,
}

impl fmt::Display for Logged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |uuid: &str| uuid.get(..8).unwrap_or(uuid).trim_start_matches('0').to_owned();
        write!(f, "{}:{} ", short(&self.gtid.source), self.gtid.sequence)?;
        match &self.effect {
            Effect::Commit(_) => {}
            Effect::XaPrepare(xid, _) => write!(f, "XA PREPARE {} ", String::from_utf8_lossy(&xid.0))?,
            Effect::XaCommit(xid) => write!(f, "XA COMMIT {}", String::from_utf8_lossy(&xid.0))?,
            Effect::XaRollback(xid) => write!(f, "XA ROLLBACK {}", String::from_utf8_lossy(&xid.0))?,
        }
        for write in self.effect.writes() {
            write!(f, "[{write}] ")?;
        }
        Ok(())
    }
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row { table, key, value } => {
                let table = if table.schema.starts_with("_outlast") {
                    "shadow"
                } else {
                    "source"
                };
                match value {
                    Some(value) => write!(f, "{table} {key}={value}"),
                    None => write!(f, "{table} {key} deleted"),
                }
            }
            Self::Rename(_) => f.write_str("swap"),
            Self::Migration(stored) => {
                let migration = &stored.migration;
                write!(f, "{} {} {}", migration.status, migration.phase, migration.message)
            }
            Self::Fence(_, fence) => match &fence.holder {
                Some((incarnation, server)) => write!(
                    f,
                    "epoch {} for {:.6} on {:.8}",
                    fence.epoch,
                    incarnation.as_str(),
                    server.as_str()
                ),
                None => write!(f, "epoch {} for nobody", fence.epoch),
            },
            Self::By(_, incarnation) => write!(f, "by {:.6}", incarnation.as_str()),
            Self::Event(_, event) => write!(f, "event {}: {}", event.kind, event.detail),
            Self::Applied { applier, position, .. } => write!(f, "position {position} of applier {applier}"),
            Self::Advanced { position, .. } => write!(f, "position {position}"),
            Self::Chunk(_, chunk) => write!(f, "chunk {:?} of {} rows", chunk.range, chunk.rows),
            Self::Folded { range, .. } => write!(f, "folded {range:?}"),
            other => write!(f, "{other:?}"),
        }
    }
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

/// What a transaction writes to, as far as parallel appliers care.
#[derive(PartialEq, Eq)]
enum Target<'a> {
    Row(&'a TableName, u64),
    Chunk(&'a KeyRange),
    Position(u32),
    AllPositions,
    Migration,
    History,
}

impl<'a> Target<'a> {
    fn meets(&self, other: &Target<'a>) -> bool {
        match (self, other) {
            (Self::AllPositions, Self::Position(_)) | (Self::Position(_), Self::AllPositions) => true,
            _ => self == other,
        }
    }
}

impl Effect {
    /// Whether parallel appliers may execute the two in any order: both change rows only, and different ones.
    pub(super) fn is_independent_of(&self, other: &Effect) -> bool {
        let (Some(mine), Some(theirs)) = (self.targets(), other.targets()) else {
            return false;
        };
        !mine.iter().any(|target| theirs.iter().any(|other| target.meets(other)))
    }

    /// `None` if it is more than changes of rows: DDL, or an XA transaction.
    fn targets(&self) -> Option<Vec<Target<'_>>> {
        let Self::Commit(writes) = self else {
            return None;
        };
        let changes = |write: &&Write| !matches!(write, Write::By(..));
        let target = |write| match write {
            &Write::Row { ref table, key, .. } => Some(Target::Row(table, key)),
            Write::Chunk(_, chunk) => Some(Target::Chunk(&chunk.range)),
            Write::Applied { applier, .. } => Some(Target::Position(*applier)),
            Write::Advanced { .. } => Some(Target::AllPositions),
            Write::Migration(_) => Some(Target::Migration),
            Write::Event(..) => Some(Target::History),
            _ => None,
        };
        writes.iter().filter(changes).map(target).collect()
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
    /// Changes nothing: says who wrote the transaction, so that it can be checked that only the owner did.
    By(MigrationId, Incarnation),
    Event(MigrationId, Event),
    Component(PolicyComponent),
    Chosen(MigrationId, Box<Choice>),
    Limits(Option<MigrationId>, Box<Limits>),
    Begun(MigrationId, Box<Checkpoint>),
    Applied {
        id: MigrationId,
        applier: u32,
        position: GtidSet,
    },
    /// The rows of all appliers.
    Advanced {
        id: MigrationId,
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

//! Everything that replicates.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use crate::{
    checkpoint::Checkpoint,
    error::{Error, ErrorKind, Result},
    gtid::GtidSet,
    history,
    ids::MigrationId,
    intent::Choice,
    ledger::Xid,
    scheduler::{Adoption, Event, Migration, PolicyComponent},
    throttle::Limits,
};

use super::log::{Effect, Fence, Part, Write};

/// A table's full name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// Its schema.
    pub schema: String,
    /// The table.
    pub table: String,
}

impl TableName {
    /// `schema.table`.
    pub fn new(schema: impl Into<String>, table: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            table: table.into(),
        }
    }

    /// The table that a migration changes.
    pub fn source(migration: &Migration) -> Self {
        Self::new(&migration.schema, &migration.table)
    }

    /// Its shadow.
    pub fn shadow(migration: &Migration) -> Self {
        Self::new(migration.shadow_schema(), &migration.table)
    }

    /// The source after the swap.
    pub fn retired(migration: &Migration) -> Self {
        Self::new(migration.retired_schema(), &migration.table)
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) rows: BTreeMap<u64, u64>,
    /// Whether the table has a unique key on its values.
    pub(super) unique_values: bool,
    /// How often the names of its two columns were swapped.
    pub(super) swaps: u64,
    /// Whether the server can't change it without a copy, whatever an empty clone of it shows.
    pub(super) is_rigid: bool,
}

impl Table {
    /// What SHOW CREATE TABLE says of it.
    pub(super) fn definition(&self) -> &'static str {
        if self.swaps.is_multiple_of(2) { "a, b" } else { "b, a" }
    }

    /// The row other than those in `except` that holds `value`, if values are unique here.
    pub(super) fn holder(&self, value: u64, except: &BTreeSet<u64>) -> Option<u64> {
        let mut holders = self
            .rows
            .iter()
            .filter(|(key, held)| **held == value && !except.contains(key));
        self.unique_values
            .then(|| holders.next().map(|(key, _)| *key))
            .flatten()
    }
}

/// A migration's row; its `liveness_age` is computed when it is read.
#[derive(Clone, Debug)]
pub(super) struct StoredMigration {
    pub(super) migration: Migration,
    /// UTC of the server that wrote it, as time since the clock's zero.
    pub(super) alive_at: Duration,
    /// Order of submission.
    pub(super) number: usize,
    pub(super) last_adoption: Option<Adoption>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct StoredCheckpoint {
    pub(super) begun: Checkpoint,
    pub(super) appliers: BTreeMap<u32, GtidSet>,
}

impl StoredCheckpoint {
    pub(super) fn checkpoint(&self) -> Checkpoint {
        let mut appliers = self.appliers.values();
        let first = appliers.next().unwrap_or(&self.begun.position);
        Checkpoint {
            position: appliers.fold(first.clone(), |all, one| all.intersection(one)),
            ..self.begun.clone()
        }
    }
}

/// What a server's tables hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Data {
    pub(super) tables: BTreeMap<TableName, Table>,
    pub(super) prepared: BTreeMap<Vec<u8>, Vec<Write>>,
    pub(super) installed: BTreeSet<Part>,
    pub(super) migrations: BTreeMap<MigrationId, StoredMigration>,
    pub(super) fences: BTreeMap<MigrationId, Fence>,
    pub(super) checkpoints: BTreeMap<MigrationId, StoredCheckpoint>,
    pub(super) events: Vec<(MigrationId, Event)>,
    pub(super) components: BTreeMap<String, PolicyComponent>,
    pub(super) choices: BTreeMap<MigrationId, Choice>,
    pub(super) limits: BTreeMap<Option<MigrationId>, Limits>,
}

impl Data {
    pub(super) fn execute(&mut self, effect: &Effect) {
        match effect {
            Effect::Commit(writes) => self.write_all(writes),
            Effect::XaPrepare(Xid(xid), writes) => {
                self.prepared.insert(xid.clone(), writes.clone());
            }
            Effect::XaCommit(Xid(xid)) => {
                let writes = self.prepared.remove(xid).unwrap_or_default();
                self.write_all(&writes);
            }
            Effect::XaRollback(Xid(xid)) => {
                self.prepared.remove(xid);
            }
        }
    }

    fn write_all(&mut self, writes: &[Write]) {
        for write in writes {
            self.write(write);
        }
    }

    /// Like a replica in idempotent mode: a server whose history differs takes what it can.
    fn write(&mut self, write: &Write) {
        match write {
            Write::Row { table, key, value } => {
                if let Some(table) = self.tables.get_mut(table) {
                    match value {
                        Some(value) => table.rows.insert(*key, *value),
                        None => table.rows.remove(key),
                    };
                }
            }
            Write::Create { table, unique_values } => {
                let created = Table {
                    rows: BTreeMap::new(),
                    unique_values: *unique_values,
                    swaps: 0,
                    is_rigid: false,
                };
                self.tables.insert(table.clone(), created);
            }
            Write::Drop(table) => {
                self.tables.remove(table);
            }
            Write::Empty(table) => {
                if let Some(table) = self.tables.get_mut(table) {
                    table.rows.clear();
                }
            }
            Write::SwapColumns(table) => {
                if let Some(table) = self.tables.get_mut(table) {
                    table.swaps += 1;
                }
            }
            Write::MakeRigid(table) => {
                if let Some(table) = self.tables.get_mut(table) {
                    table.is_rigid = true;
                }
            }
            Write::Rename(renames) => {
                for (from, to) in renames {
                    if let Some(table) = self.tables.remove(from) {
                        self.tables.insert(to.clone(), table);
                    }
                }
            }
            Write::Install(part) => {
                self.installed.insert(*part);
            }
            Write::Migration(stored) => {
                self.migrations
                    .insert(stored.migration.id.clone(), StoredMigration::clone(stored));
            }
            Write::Fence(id, fence) => {
                self.fences.insert(id.clone(), fence.clone());
            }
            Write::By(..) => {}
            Write::Event(id, event) => self.tell(id, event.clone()),
            Write::Limits(scope, limits) => {
                self.limits.insert(scope.clone(), Limits::clone(limits));
            }
            Write::Chosen(id, choice) => {
                if let Some(stored) = self.migrations.get_mut(id) {
                    stored.migration.path = Some(choice.path());
                }
                self.choices.insert(id.clone(), Choice::clone(choice));
            }
            Write::Component(component) => {
                self.components.insert(component.digest.clone(), component.clone());
            }
            Write::Begun(..)
            | Write::Applied { .. }
            | Write::Advanced { .. }
            | Write::Chunk(..)
            | Write::Folded { .. }
            | Write::Forgotten(_) => {
                self.write_checkpoint(write);
            }
        }
    }

    fn tell(&mut self, id: &MigrationId, mut event: Event) {
        let (places, latest): (Vec<usize>, Vec<Event>) = self
            .events
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, (of, _))| of == id)
            .map(|(place, (_, event))| (place, event.clone()))
            .take(history::WINDOW)
            .unzip();
        let repeated = history::repeated(&latest, &event.server, &event.agent, &event.kind, &event.detail);
        if let Some(repeated) = repeated {
            self.events.remove(places[repeated.place]);
            event.detail = repeated.detail;
        }
        self.events.push((id.clone(), event));
    }

    fn write_checkpoint(&mut self, write: &Write) {
        match write {
            Write::Begun(id, checkpoint) => {
                self.checkpoints.entry(id.clone()).or_insert_with(|| StoredCheckpoint {
                    begun: Checkpoint::clone(checkpoint),
                    appliers: BTreeMap::from([(0, checkpoint.position.clone())]),
                });
            }
            Write::Applied { id, applier, position } => {
                if let Some(stored) = self.checkpoints.get_mut(id) {
                    stored.appliers.insert(*applier, position.clone());
                }
            }
            Write::Advanced { id, position } => {
                if let Some(stored) = self.checkpoints.get_mut(id) {
                    stored.appliers.values_mut().for_each(|known| *known = position.clone());
                }
            }
            Write::Chunk(id, chunk) => {
                if let Some(stored) = self.checkpoints.get_mut(id) {
                    stored.begun.chunks.retain(|c| c.range.after != chunk.range.after);
                    stored.begun.chunks.push(chunk.clone());
                }
            }
            Write::Folded {
                id,
                range,
                rows,
                chunks,
            } => {
                if let Some(stored) = self.checkpoints.get_mut(id) {
                    stored.begun.folded = Some(range.clone());
                    stored.begun.folded_rows = *rows;
                    stored.begun.chunks.retain(|c| !chunks.contains(c));
                }
            }
            Write::Forgotten(id) => {
                self.checkpoints.remove(id);
            }
            _ => {}
        }
    }

    /// Whether a prepared XA transaction has changed the table (and row, if one is given): it holds locks on both.
    pub(super) fn is_xa_locked(&self, name: &TableName, row: Option<u64>) -> bool {
        self.prepared.values().flatten().any(|write| match write {
            Write::Row { table, key, .. } => table == name && row.is_none_or(|row| row == *key),
            _ => false,
        })
    }

    pub(super) fn table(&self, name: &TableName) -> Result<&Table> {
        self.tables.get(name).ok_or_else(|| {
            Error::new(ErrorKind::StatementRejected, format!("table {name} doesn't exist")).with_code(1146)
        })
    }

    pub(super) fn migration(&self, id: &MigrationId) -> Result<&StoredMigration> {
        self.migrations
            .get(id)
            .ok_or_else(|| Error::new(ErrorKind::BadRequest, format!("there is no migration {id}")))
    }
}

pub(super) fn fenced(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Fenced, message)
}

//! Checks of everything that a server's log says of a migration, against what the application wrote.

use std::collections::BTreeMap;

use crate::{
    ids::{Epoch, Incarnation, MigrationId},
    ledger::Xid,
    scheduler::Status,
};

use super::{
    data::TableName,
    log::{Effect, Origin, Write},
    server::Node,
};

type Rows = BTreeMap<u64, u64>;

/// On any server, at any time:
///
/// * the table holds exactly what the application wrote, swapped or not, and the retired table what it had written before
///   the swap;
/// * no epoch has two owners, and only its owner writes in it;
/// * the new definition came into place at most once; the migration is complete only after that, and never failed or
///   cancelled after it.
pub(super) fn check(node: &Node, id: &MigrationId) -> Result<(), String> {
    let Some(stored) = node.data.migrations.get(id) else {
        return Ok(());
    };
    let mut replay = Replay::new(
        TableName::source(&stored.migration),
        TableName::retired(&stored.migration),
    );
    for logged in &node.log[..node.visible] {
        let of_application = logged.origin == Origin::Application;
        match &logged.effect {
            Effect::Commit(writes) => replay.all(id, writes, of_application)?,
            Effect::XaPrepare(Xid(xid), writes) => {
                replay.prepared.insert(xid, writes);
            }
            Effect::XaCommit(Xid(xid)) => {
                let writes = replay.prepared.remove(xid.as_slice()).unwrap_or_default();
                replay.all(id, writes, of_application)?;
            }
            Effect::XaRollback(Xid(xid)) => {
                replay.prepared.remove(xid.as_slice());
            }
        }
    }
    replay.compare(node)
}

struct Replay<'a> {
    source: TableName,
    retired: TableName,
    prepared: BTreeMap<&'a [u8], &'a [Write]>,
    written: Rows,
    at_swap: Option<Rows>,
    altered: u32,
    epoch: Epoch,
    owner: Option<Incarnation>,
}

impl<'a> Replay<'a> {
    fn new(source: TableName, retired: TableName) -> Self {
        Self {
            source,
            retired,
            prepared: BTreeMap::new(),
            written: Rows::new(),
            at_swap: None,
            altered: 0,
            epoch: Epoch::default(),
            owner: None,
        }
    }

    fn all(&mut self, id: &MigrationId, writes: &'a [Write], of_application: bool) -> Result<(), String> {
        for write in writes {
            match write {
                Write::Row { table, key, value } if of_application && *table == self.source => {
                    match value {
                        Some(value) => self.written.insert(*key, *value),
                        None => self.written.remove(key),
                    };
                }
                Write::Rename(renames) if renames.iter().any(|(_, to)| *to == self.retired) => {
                    self.at_swap = Some(self.written.clone());
                    self.alter()?;
                }
                Write::SwapColumns(table) if *table == self.source => self.alter()?,
                Write::Fence(of, fence) if of == id => {
                    if fence.epoch <= self.epoch {
                        return Err(format!(
                            "epoch {} was given out after epoch {}",
                            fence.epoch, self.epoch
                        ));
                    }
                    self.epoch = fence.epoch;
                    self.owner = fence.holder.as_ref().map(|(incarnation, _)| incarnation.clone());
                }
                Write::By(of, incarnation) if of == id && self.owner.as_ref() != Some(incarnation) => {
                    return Err(format!(
                        "{incarnation:?} wrote in epoch {}, which belongs to {:?}",
                        self.epoch, self.owner
                    ));
                }
                Write::Migration(stored) if stored.migration.id == *id => {
                    let status = stored.migration.status;
                    if status.is_final() && (status == Status::Complete) != (self.altered == 1) {
                        return Err(format!(
                            "the migration was reported {status}, and the new definition came into place {} times: {}",
                            self.altered, stored.migration.message
                        ));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn alter(&mut self) -> Result<(), String> {
        self.altered += 1;
        match self.altered {
            1 => Ok(()),
            times => Err(format!("the new definition came into place {times} times")),
        }
    }

    fn compare(&self, node: &Node) -> Result<(), String> {
        let expected = [
            (&self.source, Some(&self.written)),
            (&self.retired, self.at_swap.as_ref()),
        ];
        for (name, rows) in expected {
            let Some(rows) = rows else { continue };
            let held = node.data.tables.get(name).map(|table| &table.rows);
            if held != Some(rows) {
                return Err(format!(
                    "{name} on {} holds {held:?} instead of {rows:?}",
                    node.server.address
                ));
            }
        }
        Ok(())
    }
}

//! Checks that hold on every server at every moment.

use std::collections::{BTreeMap, BTreeSet};

use crate::{ids::MigrationId, key::KeyRange, ledger::Xid};

use super::{
    data::TableName,
    log::{Effect, Write},
    row_key::key,
    server::Node,
};

/// M6, on any server however far it lags: finished ranges of the shadow may differ from the source only in keys that were
/// changed after the stored position, unfinished ranges hold nothing else, and the position is not ahead of the server.
pub(super) fn check(node: &Node, id: &MigrationId) -> Result<(), String> {
    let Some(stored) = node.data.checkpoints.get(id) else {
        return Ok(());
    };
    let Some(migration) = node.data.migrations.get(id) else {
        return Err(format!("migration {id} has a checkpoint and no row"));
    };
    let migration = &migration.migration;
    let (source, shadow) = (TableName::source(migration), TableName::shadow(migration));
    let checkpoint = stored.checkpoint();
    if !checkpoint.position.is_subset(&node.executed) {
        let ahead = checkpoint.position.minus(&node.executed);
        return Err(format!("the position of {id} is ahead of {} by {ahead}", node.server));
    }
    let (Some(source_rows), Some(shadow_rows)) = (node.data.tables.get(&source), node.data.tables.get(&shadow)) else {
        return Ok(());
    };

    let changed = changed_after(node, &source, &checkpoint.position);
    let finished: Vec<&KeyRange> = checkpoint
        .folded
        .iter()
        .chain(checkpoint.chunks.iter().map(|c| &c.range))
        .collect();
    let keys: BTreeSet<u64> = source_rows
        .rows
        .keys()
        .chain(shadow_rows.rows.keys())
        .copied()
        .collect();
    for number in keys.difference(&changed) {
        let (is, copied) = (source_rows.rows.get(number), shadow_rows.rows.get(number));
        let in_finished = finished.iter().any(|range| range.contains(&key(*number)));
        if in_finished && is != copied {
            return Err(format!(
                "row {number} of {id} on {} is {copied:?} instead of {is:?}",
                node.server
            ));
        }
        if !in_finished && copied.is_some() {
            return Err(format!(
                "row {number} of {id} on {} stands outside of all finished ranges",
                node.server
            ));
        }
    }
    Ok(())
}

/// Keys of `source` that visible transactions outside of `position` have changed.
fn changed_after(node: &Node, source: &TableName, position: &crate::gtid::GtidSet) -> BTreeSet<u64> {
    let mut changed = BTreeSet::new();
    let mut prepared: BTreeMap<&[u8], (bool, Vec<u64>)> = BTreeMap::new();
    for logged in &node.log[..node.visible] {
        let accounted = position.contains(&logged.gtid);
        match &logged.effect {
            Effect::Commit(writes) if !accounted => changed.extend(keys_of(writes, source)),
            Effect::XaPrepare(Xid(xid), writes) => {
                prepared.insert(xid, (accounted, keys_of(writes, source)));
            }
            Effect::XaCommit(Xid(xid)) => {
                if let Some((prepare_accounted, keys)) = prepared.remove(xid.as_slice())
                    && !(accounted && prepare_accounted)
                {
                    changed.extend(keys);
                }
            }
            Effect::Commit(_) | Effect::XaRollback(_) => {}
        }
    }
    changed
}

/// Keys of the rows of `table` that are written.
pub(super) fn keys_of(writes: &[Write], table: &TableName) -> Vec<u64> {
    let key_of = |write: &Write| match write {
        Write::Row {
            table: written, key, ..
        } if written == table => Some(*key),
        _ => None,
    };
    writes.iter().filter_map(key_of).collect()
}

//! [`Changes`] of a table in memory.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    error::{Error, ErrorKind, Result},
    gtid::GtidSet,
    guard::Guard,
    ledger::{Change, Outcome},
    stream::Changes,
};

use super::{
    cluster::{Cluster, Session},
    consistency::keys_of,
    data::TableName,
    log::{Effect, Logged, Write},
    row_key::key,
    server::Node,
};

/// Most transactions that one call returns.
const TRANSACTIONS: usize = 64;

/// Reads the log of one server.
pub(super) struct MemoryChanges {
    cluster: Arc<Cluster>,
    session: Session,
    source: TableName,
    /// Where the migration's own swap moves the source to.
    retired: TableName,
    /// Transactions that the reader has already.
    position: GtidSet,
    /// Transactions of the log that were looked at.
    read: usize,
}

impl MemoryChanges {
    pub(super) fn open(
        cluster: &Arc<Cluster>,
        session: Session,
        source: TableName,
        retired: TableName,
        position: &GtidSet,
    ) -> Result<Self> {
        cluster.in_session(&session, |node| {
            let missing = node.purged_set().minus(position);
            if missing.is_empty() || !Guard::AdoptPurged.holds() {
                return Ok(());
            }
            let message = format!("{} has purged binlogs that are still needed: {missing}", node.server);
            Err(Error::new(ErrorKind::BinlogPurged, message).with_code(1236))
        })?;
        Ok(Self {
            cluster: Arc::clone(cluster),
            session,
            source,
            retired,
            position: position.clone(),
            read: 0,
        })
    }

    /// Transactions that stand in the binlog and were not returned yet, visible or not.
    fn read_on(&mut self) -> Result<Vec<Change>> {
        let Self {
            cluster,
            session,
            source,
            retired,
            position,
            read,
        } = self;
        cluster.in_session(session, |node| {
            let mut changes = Vec::new();
            while changes.len() < TRANSACTIONS && *read < node.log.len() {
                let logged = &node.log[*read];
                let is_lost = *read < node.purged && !Guard::AdoptPurged.holds();
                if !position.contains(&logged.gtid) && !is_lost {
                    require_unpurged(node, *read)?;
                    changes.push(change(logged, source, retired)?);
                }
                *read += 1;
            }
            Ok(changes)
        })
    }
}

#[async_trait]
impl Changes for MemoryChanges {
    async fn next(&mut self) -> Result<Vec<Change>> {
        let mut changed = self.cluster.subscribe();
        let changes = loop {
            changed.mark_unchanged();
            self.cluster.thawed().await;
            let changes = self.read_on()?;
            if !changes.is_empty() {
                break changes;
            }
            changed.changed().await;
        };
        // Invariant I3. The wait lasts as long as others want to go first, and then the server has committed.
        self.cluster.pause().await;
        let read = self.read;
        self.cluster.in_session(&self.session, |node| {
            if Guard::Visibility.holds() {
                node.settle(read);
            }
            Ok(())
        })?;
        Ok(changes)
    }
}

fn require_unpurged(node: &Node, at: usize) -> Result<()> {
    if at >= node.purged || !Guard::AdoptPurged.holds() {
        return Ok(());
    }
    let message = format!("{} has purged the binlog that was being read", node.server);
    Err(Error::new(ErrorKind::BinlogPurged, message).with_code(1236))
}

fn change(logged: &Logged, source: &TableName, retired: &TableName) -> Result<Change> {
    if logged
        .effect
        .writes()
        .iter()
        .any(|write| alters(write, source, retired))
    {
        let message = format!(
            "transaction {} altered, emptied, renamed or dropped {source}",
            logged.gtid
        );
        return Err(Error::new(ErrorKind::SourceChanged, message));
    }
    Ok(Change {
        gtid: logged.gtid.clone(),
        keys: keys_of(logged.effect.writes(), source).into_iter().map(key).collect(),
        outcome: match &logged.effect {
            Effect::Commit(_) => Outcome::Committed,
            Effect::XaPrepare(xid, _) => Outcome::Prepared(xid.clone()),
            Effect::XaCommit(xid) => Outcome::XaCommitted(xid.clone()),
            Effect::XaRollback(xid) => Outcome::XaRolledBack(xid.clone()),
        },
    })
}

/// Whether somebody else's statement did to the source what no row event tells.
fn alters(write: &Write, source: &TableName, retired: &TableName) -> bool {
    match write {
        Write::Empty(table) | Write::Drop(table) | Write::SwapColumns(table) | Write::Create { table, .. } => {
            table == source
        }
        Write::Rename(renames) => renames.iter().any(|(from, to)| from == source && to != retired),
        _ => false,
    }
}

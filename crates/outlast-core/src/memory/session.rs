//! A transaction of a lease's owner.

use std::{any::Any, collections::BTreeSet, sync::Arc};

use async_trait::async_trait;

use crate::{
    checkpoint::{Recorded, Transaction},
    error::{Error, ErrorKind, Result},
    scheduler::Lease,
};

use super::{
    cluster::{Cluster, Session, gone},
    data::{Data, TableName},
    log::Write,
    server::Node,
};

/// An open transaction. What it writes is checked when it is written and again when it commits, as row locks would do.
pub struct MemoryTransaction {
    cluster: Arc<Cluster>,
    session: Session,
    lease: Lease,
    serial: u64,
    writes: Vec<Write>,
}

impl MemoryTransaction {
    /// Begins a transaction under `lease`, checking its fence.
    ///
    /// # Errors
    /// `ServerGone`; `Fenced`.
    pub async fn begin(cluster: &Arc<Cluster>, lease: &Lease) -> Result<Self> {
        cluster.pause().await;
        let session = cluster.connect(&lease.server)?;
        Self::begin_in(cluster, session, lease)
    }

    /// Begins a transaction in an idle session.
    pub(super) fn begin_in(cluster: &Arc<Cluster>, session: Session, lease: &Lease) -> Result<Self> {
        cluster.in_session(&session, |node| node.check_fence(lease))?;
        Ok(Self {
            cluster: Arc::clone(cluster),
            session,
            lease: lease.clone(),
            serial: cluster.next_serial(),
            writes: Vec::new(),
        })
    }

    /// Sets a row of a table, whatever it held before; `None` deletes it.
    pub fn set_row(&mut self, table: &TableName, key: u64, value: Option<u64>) {
        self.push(Write::Row {
            table: table.clone(),
            key,
            value,
        });
    }

    /// Reads in the transaction. An adoption ends the transactions of the owner before; they notice at their next statement.
    pub(super) fn read<T>(&self, ask: impl FnOnce(&Node) -> Result<T>) -> Result<T> {
        self.cluster.in_session(&self.session, |node| {
            node.check_fence(&self.lease)?;
            ask(node)
        })
    }

    pub(super) fn push(&mut self, write: Write) {
        self.writes.push(write);
    }
}

#[async_trait]
impl Transaction for MemoryTransaction {
    fn lease(&self) -> &Lease {
        &self.lease
    }

    fn serial(&self) -> u64 {
        self.serial
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    async fn commit(self: Box<Self>, recorded: Recorded) -> Result<()> {
        recorded.assert_within(&*self);
        let Self {
            cluster,
            session,
            lease,
            writes,
            ..
        } = *self;
        cluster.pause().await;
        if !cluster.commits_late() {
            return commit(&cluster, &session, &lease, writes);
        }
        let message = format!("the connection to {} was lost during COMMIT", session.server);
        tokio::spawn(async move {
            cluster.on_the_way().await;
            // Nobody hears of it.
            let _ = commit(&cluster, &session, &lease, writes);
        });
        Err(gone(message))
    }

    async fn rollback(self: Box<Self>) -> Result<()> {
        self.cluster.pause().await;
        Ok(())
    }
}

fn commit(cluster: &Cluster, session: &Session, lease: &Lease, mut writes: Vec<Write>) -> Result<()> {
    let now = cluster.clock().now();
    cluster.commit_in(session, |node, _| {
        // The fence row is locked FOR SHARE from the transaction's first statement; checking it where the transaction takes
        // effect is the same.
        node.check_fence(lease)?;
        let tables: BTreeSet<&TableName> = writes.iter().filter_map(table_of).collect();
        if let Some(locked) = tables.into_iter().find(|t| node.is_locked(t, Some(session.id), now)) {
            return Err(Error::new(ErrorKind::Passing, format!("{locked} is locked")).with_code(1205));
        }
        check_unique_values(&node.data, &writes)?;
        writes.push(by(lease));
        Ok((writes, ()))
    })
}

/// The mark of a lease's owner.
pub(super) fn by(lease: &Lease) -> Write {
    Write::By(lease.migration.clone(), lease.incarnation.clone())
}

fn table_of(write: &Write) -> Option<&TableName> {
    match write {
        Write::Row { table, .. } => Some(table),
        _ => None,
    }
}

/// What another transaction has committed since this one looked would have made it wait, and then deadlock.
fn check_unique_values(data: &Data, writes: &[Write]) -> Result<()> {
    for write in writes {
        let Write::Row {
            table,
            key,
            value: Some(value),
        } = write
        else {
            continue;
        };
        let deleted_here = |other: &Write| match other {
            Write::Row { table: t, key, .. } if t == table => Some(*key),
            _ => None,
        };
        let mine: BTreeSet<u64> = writes.iter().filter_map(deleted_here).collect();
        if let Some(holder) = data.tables.get(table).and_then(|t| t.holder(*value, &mine)) {
            let message = format!("row {key} waited for row {holder}, which got value {value} meanwhile");
            return Err(Error::new(ErrorKind::Passing, message).with_code(1213));
        }
    }
    Ok(())
}

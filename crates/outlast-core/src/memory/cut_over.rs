//! [`CutOver`] of a table in memory.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    error::{Error, ErrorKind, Result},
    gtid::GtidSet,
    guard::Guard,
    key::Key,
    scheduler::Lease,
    stream::CutOver,
};

use super::{
    cluster::{Cluster, Session},
    data::TableName,
    log::Write,
    row_key::key_number,
    server::{Node, TableLock},
    session::by,
    stream::{Names, Reread, reread},
};

/// How long the lock is waited for.
const LOCK_WAIT: Duration = Duration::from_millis(250);

/// LOCK TABLES in a session of its own. The lock ends with it, or when it has said nothing for three seconds.
pub(super) struct MemoryCutOver {
    cluster: Arc<Cluster>,
    session: Session,
    lease: Lease,
    names: Names,
}

impl MemoryCutOver {
    pub(super) async fn lock(cluster: &Arc<Cluster>, session: Session, lease: &Lease, names: &Names) -> Result<Self> {
        lock(cluster, &session, lease, &[names.source.clone(), names.shadow.clone()]).await?;
        Ok(Self {
            cluster: Arc::clone(cluster),
            session,
            lease: lease.clone(),
            names: names.clone(),
        })
    }

    /// Asks in the session, provided that it still holds the lock.
    fn locked<T>(&self, ask: impl FnOnce(&mut Node) -> Result<T>) -> Result<T> {
        let now = self.cluster.clock().now();
        self.cluster.in_session(&self.session, |node| {
            require_lock(node, &self.session, now)?;
            node.check_fence(&self.lease)?;
            ask(node)
        })
    }
}

#[async_trait]
impl CutOver for MemoryCutOver {
    async fn executed(&mut self) -> Result<GtidSet> {
        self.cluster.pause().await;
        self.locked(|node| Ok(node.executed.clone()))
    }

    async fn drain(&mut self, keys: &[Key]) -> Result<Vec<Key>> {
        let numbers: Vec<u64> = keys.iter().map(key_number).collect::<Result<_>>()?;
        self.cluster.pause().await;
        let now = self.cluster.clock().now();
        self.cluster.commit_in(&self.session, |node, _| {
            require_lock(node, &self.session, now)?;
            node.check_fence(&self.lease)?;
            let Reread { mut writes, displaced } = reread(&node.data, &self.names, &numbers)?;
            writes.push(by(&self.lease));
            Ok((writes, displaced))
        })
    }

    async fn swap(&mut self) -> Result<()> {
        self.cluster.pause().await;
        let Names {
            source,
            shadow,
            retired,
        } = &self.names;
        let now = self.cluster.clock().now();
        self.cluster.commit_in(&self.session, |node, _| {
            require_lock(node, &self.session, now)?;
            node.check_fence(&self.lease)?;
            node.data.table(source)?;
            node.data.table(shadow)?;
            if node.data.tables.contains_key(retired) {
                let message = format!("table {retired} exists already");
                return Err(Error::new(ErrorKind::Inconsistent, message).with_code(1050));
            }
            let renames = vec![(source.clone(), retired.clone()), (shadow.clone(), source.clone())];
            Ok((vec![Write::Rename(renames), by(&self.lease)], ()))
        })
    }

    async fn release(self: Box<Self>) -> Result<()> {
        self.cluster.pause().await;
        // Dropped here, which releases.
        Ok(())
    }
}

impl Drop for MemoryCutOver {
    fn drop(&mut self) {
        unlock(&self.cluster, &self.session);
    }
}

/// Locks tables, waiting for [`LOCK_WAIT`].
pub(super) async fn lock(cluster: &Cluster, session: &Session, lease: &Lease, tables: &[TableName]) -> Result<()> {
    let until = cluster.clock().now() + LOCK_WAIT;
    let mut changed = cluster.subscribe();
    loop {
        changed.mark_unchanged();
        if try_lock(cluster, session, lease, tables)? {
            return Ok(());
        }
        let left = until.saturating_sub(cluster.clock().now());
        if left.is_zero() {
            let message = format!("{tables:?} are in use; the lock was not granted in {LOCK_WAIT:?}");
            return Err(Error::new(ErrorKind::Passing, message).with_code(1205));
        }
        tokio::select! {
            biased;
            () = changed.changed() => {}
            () = cluster.clock().sleep(left) => {}
        }
    }
}

pub(super) fn unlock(cluster: &Cluster, session: &Session) {
    // If the session is gone, so is its lock.
    let _ = cluster.in_session(session, |node| {
        node.locks.retain(|lock| lock.session != session.id);
        Ok(())
    });
}

fn try_lock(cluster: &Cluster, session: &Session, lease: &Lease, tables: &[TableName]) -> Result<bool> {
    let now = cluster.clock().now();
    cluster.in_session(session, |node| {
        node.check_fence(lease)?;
        for table in tables {
            node.data.table(table)?;
            if node.is_locked(table, None, now) || node.data.is_xa_locked(table, None) {
                return Ok(false);
            }
        }
        // Transactions keep their metadata locks until they are visible, so the lock is granted after the last of them.
        node.settle(node.log.len());
        if tables.iter().any(|table| node.data.is_xa_locked(table, None)) {
            return Ok(false);
        }
        node.locks.push(TableLock {
            session: session.id,
            tables: tables.to_vec(),
            used: now,
        });
        Ok(true)
    })
}

pub(super) fn require_lock(node: &mut Node, session: &Session, now: Duration) -> Result<()> {
    node.drop_idle_locks(now);
    match node.locks.iter_mut().find(|lock| lock.session == session.id) {
        Some(lock) => {
            lock.used = now;
            Ok(())
        }
        None if !Guard::LockProof.holds() => Ok(()),
        None => {
            let message = format!("the session that locked tables on {} was ended", node.server);
            Err(Error::new(ErrorKind::ServerGone, message).with_code(2013))
        }
    }
}

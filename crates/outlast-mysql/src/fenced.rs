//! Transactions that write only under a valid lease (invariants I1, I6).

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use outlast_core::{
    Error, ErrorKind, Lease, Result,
    checkpoint::{Recorded, Transaction},
};

use crate::{
    install::is_missing,
    quote,
    session::{PooledSession, Session, SessionPool},
};

/// An open transaction whose first statement has read the fence row FOR SHARE.
///
/// While it is open, an adoption, which updates the fence row, waits for it; after an adoption, it can't be begun. Dropped,
/// it closes its session, and the server rolls back.
pub struct FencedTransaction {
    session: PooledSession,
    lease: Lease,
    serial: u64,
}

impl FencedTransaction {
    /// Begins a transaction on a session of `pool` and checks the fence.
    ///
    /// # Errors
    /// `Fenced` if epoch, incarnation or server are not those of the lease, or the session is on another server.
    pub async fn begin(pool: &Arc<SessionPool>, lease: &Lease) -> Result<Self> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let mut session = pool.session().await?;
        session.run("START TRANSACTION").await?;
        check_fence(&mut session, lease).await?;
        Ok(Self {
            session,
            lease: lease.clone(),
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// The session, to write with.
    pub fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Commits a transaction that moved no rows and therefore records no progress (liveness, phase).
    ///
    /// # Errors
    /// Classified; the caller does not know then whether it committed.
    pub async fn commit_without_data(mut self) -> Result<()> {
        self.session.run("COMMIT").await?;
        self.session.give_back();
        Ok(())
    }
}

/// Reads the fence row FOR SHARE and compares all three parts with the lease, and the session's server with the lease's.
///
/// A read-only server is refused here, because `read_only` does not bind a user who is privileged enough: what such a
/// user writes on a demoted primary exists nowhere else.
///
/// # Errors
/// `Fenced`; `NotPrimary` if the server is read-only.
pub async fn check_fence(session: &mut Session, lease: &Lease) -> Result<()> {
    compare_fence(session, lease, "FOR SHARE").await
}

/// The same for a session that holds the fence table by LOCK TABLES: nobody can change it meanwhile.
///
/// # Errors
/// As [`check_fence`].
pub async fn check_locked_fence(session: &mut Session, lease: &Lease) -> Result<()> {
    compare_fence(session, lease, "").await
}

async fn compare_fence(session: &mut Session, lease: &Lease, locking: &str) -> Result<()> {
    let sql = format!(
        "SELECT epoch, incarnation, server_uuid, @@server_uuid, @@GLOBAL.read_only OR @@GLOBAL.super_read_only \
         FROM {}.fence WHERE migration = {} {locking}",
        crate::STATE_SCHEMA,
        quote::text(lease.migration.as_str()),
    );
    let fence: Option<(u64, String, String, String, bool)> = match session.first(&sql).await {
        // A promotion that lost the very creation of the state schema.
        Err(error) if is_missing(&error) => None,
        found => found?,
    };
    let expected = (lease.epoch.0, lease.incarnation.as_str(), lease.server.uuid.as_str());
    match fence {
        Some((epoch, incarnation, server, here, read_only))
            if (epoch, incarnation.as_str(), server.as_str()) == expected && here == server =>
        {
            if read_only {
                return Err(Error::new(
                    ErrorKind::NotPrimary,
                    format!("{} is read-only; nothing was written there", lease.server),
                ));
            }
            Ok(())
        }
        Some((epoch, _, server, here, _)) => Err(Error::new(
            ErrorKind::Fenced,
            format!(
                "migration {} belongs to epoch {epoch} on server {server} now; this agent held epoch {} on {}, the \
                 session is on {here}; nothing was written",
                lease.migration, lease.epoch, lease.server.uuid
            ),
        )),
        None => Err(Error::new(
            ErrorKind::Fenced,
            format!(
                "migration {} has no fence on this server; nothing was written",
                lease.migration
            ),
        )),
    }
}

#[async_trait]
impl Transaction for FencedTransaction {
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
        self.commit_without_data().await
    }

    async fn rollback(mut self: Box<Self>) -> Result<()> {
        self.session.run("ROLLBACK").await?;
        self.session.give_back();
        Ok(())
    }
}

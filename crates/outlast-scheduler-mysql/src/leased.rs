//! What an owner does under its lease: every write checks the fence in its own transaction.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use outlast_core::{
    Error, ErrorKind, Lease, MigrationId, Phase, Result, Status,
    scheduler::{Ending, Proof, Report, Requests},
};
use outlast_mysql::{Connector, FencedTransaction, Purpose, SessionPool, failpoint, quote};

use crate::{
    bounds::{self, cut},
    history::{self, Entry},
};

/// Sessions by lease. They carry the migration and the incarnation as attributes, by which an adopter finds them.
pub(crate) struct LeasedSessions {
    connector: Connector,
    pools: Mutex<HashMap<MigrationId, (Lease, Arc<SessionPool>)>>,
}

impl LeasedSessions {
    pub(crate) fn new(connector: Connector) -> Self {
        Self {
            connector,
            pools: Mutex::default(),
        }
    }

    /// Begins a fenced transaction.
    ///
    /// A session that was killed may have been killed by an adopter: then the fence says so, on a new session.
    pub(crate) async fn begin(&self, lease: &Lease) -> Result<FencedTransaction> {
        match FencedTransaction::begin(&self.of(lease), lease).await {
            Err(error) if error.kind() == ErrorKind::ServerGone => {
                self.close(lease);
                FencedTransaction::begin(&self.of(lease), lease).await
            }
            begun => begun,
        }
    }

    /// The sessions of a lease; those of an earlier lease of the same migration are closed.
    pub(crate) fn of(&self, lease: &Lease) -> Arc<SessionPool> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        match pools.get(&lease.migration) {
            Some((known, pool)) if known == lease => Arc::clone(pool),
            _ => {
                let purpose = Purpose {
                    migration: Some(lease.migration.clone()),
                    incarnation: Some(lease.incarnation.clone()),
                };
                let pool = SessionPool::new(self.connector.clone(), lease.server.clone(), purpose);
                pools.insert(lease.migration.clone(), (lease.clone(), Arc::clone(&pool)));
                pool
            }
        }
    }

    /// Closes the sessions of a lease that is over, or whose sessions can't be trusted any more.
    pub(crate) fn close(&self, lease: &Lease) {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if pools.get(&lease.migration).is_some_and(|(known, _)| known == lease) {
            pools.remove(&lease.migration);
        }
    }
}

pub(crate) async fn beat(sessions: &LeasedSessions, lease: &Lease, report: &Report) -> Result<()> {
    let mut transaction = sessions.begin(lease).await?;
    let update = "UPDATE _outlast.migrations SET liveness = UTC_TIMESTAMP(6), rows_copied = ?, table_rows = ?, \
        eta_seconds = ?, message = ? WHERE id = ?";
    let values = (
        report.rows_copied,
        report.table_rows,
        report.eta_seconds,
        cut(&report.message, bounds::MESSAGE),
        lease.migration.as_str(),
    );
    transaction.session().run_with(update, values).await?;
    failpoint!(
        sessions.of(lease),
        Step::LivenessCommit,
        transaction.commit_without_data().await
    )
}

/// Reads what users have asked for, without a lock: whoever acts on it does so in a fenced transaction.
pub(crate) async fn requests(sessions: &LeasedSessions, lease: &Lease) -> Result<Requests> {
    type Columns = (u64, Option<String>, Option<String>, String, bool, bool);
    let mut session = sessions.of(lease).session().await?;
    let sql = format!(
        "SELECT epoch, owner_incarnation, owner_server, @@server_uuid, complete_requested, cancel_requested \
         FROM _outlast.migrations WHERE id = {}",
        quote::text(lease.migration.as_str())
    );
    let row: Option<Columns> = match session.first(&sql).await {
        Err(error) if error.kind() == ErrorKind::ServerGone => {
            sessions.close(lease);
            session = sessions.of(lease).session().await?;
            session.first(&sql).await?
        }
        read => read?,
    };
    let server = lease.server.uuid.as_str();
    match row {
        Some((epoch, incarnation, owner_server, here, complete, cancel))
            if epoch == lease.epoch.0
                && incarnation.as_deref() == Some(lease.incarnation.as_str())
                && owner_server.as_deref() == Some(server)
                && here == server =>
        {
            session.give_back();
            Ok(Requests { complete, cancel })
        }
        _ => Err(Error::new(
            ErrorKind::Fenced,
            format!(
                "migration {} does not belong to epoch {} of agent {} on {} any more",
                lease.migration, lease.epoch, lease.agent, lease.server
            ),
        )),
    }
}

pub(crate) async fn enter(sessions: &LeasedSessions, lease: &Lease, phase: Phase) -> Result<()> {
    let entered_at = match phase {
        Phase::Preparing => "",
        Phase::Copying => ", copying_at = UTC_TIMESTAMP(6)",
        Phase::Following => ", following_at = UTC_TIMESTAMP(6)",
        Phase::Ready => ", ready_at = UTC_TIMESTAMP(6)",
        Phase::CuttingOver => ", cutting_over_at = UTC_TIMESTAMP(6)",
    };
    let mut transaction = sessions.begin(lease).await?;
    let update = format!("UPDATE _outlast.migrations SET phase = ?{entered_at} WHERE id = ? AND phase <> ?");
    let values = (phase.name(), lease.migration.as_str(), phase.name());
    let changed = transaction.session().run_with(&update, values).await?;
    if changed > 0 {
        tell(&mut transaction, lease, "phase", phase.name()).await?;
    }
    failpoint!(
        sessions.of(lease),
        match phase {
            Phase::CuttingOver => Step::CutOverIntent,
            _ => Step::PhaseCommit,
        },
        transaction.commit_without_data().await
    )
}

pub(crate) async fn finish(
    sessions: &LeasedSessions,
    lease: &Lease,
    ending: Ending,
    message: &str,
    proof: Proof<'_>,
) -> Result<()> {
    let status = match ending {
        Ending::Complete => Status::Complete,
        Ending::Failed => Status::Failed,
        Ending::Cancelled => Status::Cancelled,
    };
    let mut transaction = match sessions.begin(lease).await {
        Err(error) if error.kind() == ErrorKind::Fenced && has_finished(sessions, lease, status).await? => {
            return Ok(());
        }
        begun => begun?,
    };
    proof.await?;
    let epoch = lease.epoch.next().0;
    // Nobody's from now on: no lease has an empty incarnation.
    let fence = "UPDATE _outlast.fence SET epoch = ?, incarnation = '', server_uuid = '' WHERE migration = ?";
    transaction
        .session()
        .run_with(fence, (epoch, lease.migration.as_str()))
        .await?;
    let update = "UPDATE _outlast.migrations SET status = ?, epoch = ?, message = ?, eta_seconds = NULL, \
        liveness = UTC_TIMESTAMP(6), ended_at = UTC_TIMESTAMP(6) WHERE id = ?";
    let values = (
        status.name(),
        epoch,
        cut(message, bounds::MESSAGE),
        lease.migration.as_str(),
    );
    transaction.session().run_with(update, values).await?;
    tell(&mut transaction, lease, status.name(), message).await?;
    failpoint!(
        sessions.of(lease),
        Step::FinishCommit,
        transaction.commit_without_data().await
    )
}

/// Whether an earlier call under this very lease, whose reply was lost, has ended the migration.
async fn has_finished(sessions: &LeasedSessions, lease: &Lease, status: Status) -> Result<bool> {
    let mut session = sessions.of(lease).fresh().await?;
    let sql = "SELECT COUNT(*) FROM _outlast.migrations WHERE id = ? AND epoch = ? AND status = ? \
        AND owner_incarnation = ? AND owner_server = ? AND owner_server = @@server_uuid";
    let values = (
        lease.migration.as_str(),
        lease.epoch.next().0,
        status.name(),
        lease.incarnation.as_str(),
        lease.server.uuid.as_str(),
    );
    let found: Option<u64> = session.first_with(sql, values).await?;
    Ok(found == Some(1))
}

/// Appends a line of history in the transaction.
pub(crate) async fn tell(transaction: &mut FencedTransaction, lease: &Lease, kind: &str, detail: &str) -> Result<()> {
    let entry = Entry {
        migration: &lease.migration,
        epoch: lease.epoch,
        agent: lease.agent.as_str(),
        kind,
        detail,
    };
    history::append(transaction.session(), entry).await
}

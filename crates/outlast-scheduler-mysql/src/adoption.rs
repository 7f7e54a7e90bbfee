//! Changes of owner: compare-and-swap of the epoch, under the lock of the fence row.

use outlast_core::{
    AgentId, Epoch, Error, ErrorKind, Incarnation, Lease, MigrationId, Result, Server, ServerUuid, Status,
    scheduler::Adoption,
};
use outlast_mysql::{Session, failpoint, is_missing, quote};

use crate::{
    bounds::{self, cut},
    history::{self, Entry},
    stored,
};

/// MySQL's number for a row that is locked, asked for with NOWAIT (`ER_LOCK_NOWAIT`).
const LOCKED: u16 = 3572;

/// Who changes the owner of what, and which epoch it saw.
pub(crate) struct Swap<'a> {
    pub(crate) primary: &'a Server,
    pub(crate) migration: &'a MigrationId,
    pub(crate) expected: Epoch,
    pub(crate) agent: &'a AgentId,
}

/// The owner until now.
struct Previous {
    /// Nobody has owned it since a user queued it again, who was counted then.
    is_queued: bool,
    agent: Option<String>,
    server: Option<String>,
}

impl Swap<'_> {
    /// Takes ownership for `incarnation`.
    pub(crate) async fn adopt(&self, session: &mut Session, incarnation: &Incarnation) -> Result<Lease> {
        let previous = self.lock(session, incarnation).await?;
        let here = self.primary.uuid.as_str();
        failpoint!(
            session,
            Step::AdoptFence,
            self.raise_fence(session, incarnation.as_str(), here).await
        )?;
        let is_failover = previous.server.as_deref().is_some_and(|server| server != here);
        let is_retry = !previous.is_queued && previous.server.as_deref() == Some(here);
        let update = "UPDATE _outlast.migrations SET status = ?, epoch = ?, owner_agent = ?, owner_incarnation = ?, \
            owner_server = ?, failovers = failovers + ?, retries = retries + ?, liveness = UTC_TIMESTAMP(6), \
            adopted_at = UTC_TIMESTAMP(6), started_at = COALESCE(started_at, UTC_TIMESTAMP(6)), ended_at = NULL \
            WHERE id = ?";
        let values = (
            Status::Running.name(),
            self.expected.next().0,
            cut(self.agent.as_str(), bounds::NAME),
            incarnation.as_str(),
            here,
            is_failover,
            is_retry,
            self.migration.as_str(),
        );
        session.run_with(update, values).await?;
        self.record_what_is_executed(session).await?;
        self.tell(session, "adopted", &previous.described(self)).await?;
        // While the fence row is locked, no later owner can be among them.
        let zombies = session.sessions_of_others(self.migration, incarnation).await?;
        failpoint!(session, Step::AdoptKill, session.kill(&zombies).await)?;
        failpoint!(session, Step::AdoptCommit, session.run("COMMIT").await)?;
        Ok(Lease {
            migration: self.migration.clone(),
            epoch: self.expected.next(),
            agent: self.agent.clone(),
            incarnation: incarnation.clone(),
            server: self.primary.clone(),
        })
    }

    /// Marks the migration failed, so that nobody owns it.
    pub(crate) async fn fail(&self, session: &mut Session, message: &str) -> Result<()> {
        let nobody = Incarnation::new("");
        self.lock(session, &nobody).await?;
        self.raise_fence(session, "", "").await?;
        let update = "UPDATE _outlast.migrations SET status = ?, epoch = ?, message = ?, eta_seconds = NULL, \
            ended_at = UTC_TIMESTAMP(6) WHERE id = ?";
        let values = (
            Status::Failed.name(),
            self.expected.next().0,
            cut(message, bounds::MESSAGE),
            self.migration.as_str(),
        );
        session.run_with(update, values).await?;
        self.tell(session, Status::Failed.name(), message).await?;
        let zombies = session.sessions_of_others(self.migration, &nobody).await?;
        session.kill(&zombies).await?;
        failpoint!(session, Step::StaleCommit, session.run("COMMIT").await).map(drop)
    }

    /// Begins the transaction, locks the fence row and then the migration's, and compares.
    ///
    /// Transactions of the previous owner hold the fence row until they end, and one whose agent hangs never ends by
    /// itself. So its sessions are killed if the row is locked: the caller has decided that its epoch is over.
    async fn lock(&self, session: &mut Session, incarnation: &Incarnation) -> Result<Previous> {
        session.run("START TRANSACTION").await?;
        match self.lock_fence(session, "NOWAIT").await {
            Err(error) if error.code() == Some(LOCKED) => {
                session.run("ROLLBACK").await?;
                // Listed before the epoch is read, so that none of them belongs to a later epoch than `expected`.
                let zombies = session.sessions_of_others(self.migration, incarnation).await?;
                let epoch = history::epoch(session, self.migration).await?;
                if epoch != self.expected {
                    return Err(self.overtaken(epoch));
                }
                session.kill(&zombies).await?;
                session.run("START TRANSACTION").await?;
                self.lock_fence(session, "").await?;
            }
            locked => locked?,
        }
        self.lock_migration(session).await
    }

    async fn lock_fence(&self, session: &mut Session, wait: &str) -> Result<()> {
        let sql = format!(
            "SELECT epoch, @@server_uuid, @@GLOBAL.read_only OR @@GLOBAL.super_read_only FROM _outlast.fence \
             WHERE migration = {} FOR UPDATE {wait}",
            quote::text(self.migration.as_str())
        );
        let fence: Option<(u64, String, bool)> = match session.first(&sql).await {
            Err(error) if is_missing(&error) => None,
            found => found?,
        };
        let (epoch, here, read_only) = fence.ok_or_else(|| stored::unknown(self.migration, session))?;
        if here != self.primary.uuid.as_str() {
            return Err(Error::new(
                ErrorKind::Fenced,
                format!(
                    "migration {} was to be adopted on {}, the session is on {here}; nothing was written",
                    self.migration, self.primary
                ),
            ));
        }
        if read_only {
            return Err(Error::new(
                ErrorKind::NotPrimary,
                format!("{} is read-only; nothing was written there", self.primary),
            ));
        }
        if epoch != self.expected.0 {
            return Err(self.overtaken(Epoch(epoch)));
        }
        Ok(())
    }

    async fn lock_migration(&self, session: &mut Session) -> Result<Previous> {
        let sql = format!(
            "SELECT epoch, status, owner_agent, owner_server FROM _outlast.migrations WHERE id = {} FOR UPDATE",
            quote::text(self.migration.as_str())
        );
        let row: Option<(u64, String, Option<String>, Option<String>)> = session.first(&sql).await?;
        let (epoch, status, agent, server) = row.ok_or_else(|| stored::unknown(self.migration, session))?;
        if epoch != self.expected.0 {
            return Err(Error::new(
                ErrorKind::Inconsistent,
                format!(
                    "the fence of migration {} on {} is in epoch {}, the migration itself in epoch {epoch}; both are only \
                     ever written together; nothing was written",
                    self.migration, self.primary, self.expected
                ),
            ));
        }
        if ![Status::Queued.name(), Status::Running.name()].contains(&status.as_str()) {
            return Err(Error::new(
                ErrorKind::Fenced,
                format!("migration {} is {status}; nothing was written", self.migration),
            ));
        }
        Ok(Previous {
            is_queued: status == Status::Queued.name(),
            agent,
            server,
        })
    }

    async fn raise_fence(&self, session: &mut Session, incarnation: &str, server: &str) -> Result<()> {
        let sql = "UPDATE _outlast.fence SET epoch = ?, incarnation = ?, server_uuid = ? WHERE migration = ?";
        let values = (self.expected.next().0, incarnation, server, self.migration.as_str());
        session.run_with(sql, values).await.map(drop)
    }

    async fn record_what_is_executed(&self, session: &mut Session) -> Result<()> {
        let binlog_end = session.binlog_end().await?;
        let sql = "INSERT INTO _outlast.adoptions (migration, server_uuid, executed, binlog_end) \
            VALUES (?, @@server_uuid, @@GLOBAL.gtid_executed, ?) AS new \
            ON DUPLICATE KEY UPDATE server_uuid = new.server_uuid, executed = new.executed, \
            binlog_end = new.binlog_end";
        session
            .run_with(sql, (self.migration.as_str(), binlog_end))
            .await
            .map(drop)
    }

    async fn tell(&self, session: &mut Session, kind: &str, detail: &str) -> Result<()> {
        let entry = Entry {
            migration: self.migration,
            epoch: self.expected.next(),
            agent: self.agent.as_str(),
            kind,
            detail,
        };
        history::append(session, entry).await
    }

    fn overtaken(&self, epoch: Epoch) -> Error {
        Error::new(
            ErrorKind::Fenced,
            format!(
                "migration {} is in epoch {epoch} now, expected was {}: another agent was faster; nothing was written",
                self.migration, self.expected
            ),
        )
    }
}

/// The last adoption that the server knows of; none where only an earlier version has adopted the migration.
pub(crate) async fn last(session: &mut Session, id: &MigrationId) -> Result<Option<Adoption>> {
    let sql = format!(
        "SELECT server_uuid, executed, binlog_end FROM _outlast.adoptions WHERE migration = {}",
        quote::text(id.as_str())
    );
    let row: Option<(String, String, String)> = match session.first(&sql).await {
        Err(error) if is_missing(&error) => None,
        found => found?,
    };
    let Some((server, executed, binlog_end)) = row else {
        return Ok(None);
    };
    let executed = executed.parse().map_err(|error| {
        let what = format!("what had been executed when migration {id} was adopted can't be read: {error}");
        Error::new(ErrorKind::Inconsistent, what)
    })?;
    Ok(Some(Adoption {
        server: ServerUuid::new(server),
        executed,
        binlog_end,
    }))
}

impl Previous {
    fn described(&self, swap: &Swap<'_>) -> String {
        match (&self.agent, &self.server) {
            (Some(agent), Some(server)) => format!(
                "from agent {agent} on server {server} to agent {} on {}",
                swap.agent, swap.primary
            ),
            _ => format!("by agent {} on {}, its first owner", swap.agent, swap.primary),
        }
    }
}

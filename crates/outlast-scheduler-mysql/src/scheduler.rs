//! The backend itself.

use async_trait::async_trait;
use outlast_core::{
    AgentId, Epoch, ErrorKind, Incarnation, Lease, Migration, MigrationId, Phase, Result, Scheduler, Server,
    check_up::Check,
    intent::{Choice, Intent},
    scheduler::{Adoption, Ending, Event, PolicyComponent, Proof, Report, Request, Requests, Submission},
    throttle::Limits,
};
use outlast_mysql::{Connector, SessionPools, failpoint, is_missing};

use crate::{
    adoption::{self, Swap},
    history::{self, Entry},
    leased::{self, LeasedSessions},
    limits, paths, policies, requests, schema, stored, submission,
};

/// [`Scheduler`] on the tables `migrations`, `fence`, `events` and `policies` of the schema `_outlast`.
///
/// Texts are cut to what their columns hold: messages and details to 4,000 characters, names to 255. Idle sessions are
/// kept per server; a session that saw an error is closed.
pub struct MySqlScheduler {
    sessions: SessionPools,
    leased: LeasedSessions,
}

impl MySqlScheduler {
    /// A scheduler that reaches servers through `connector`. Connects when it is first asked something.
    ///
    /// Its user needs all privileges on `_outlast`. Sessions that an earlier owner opened under another account are killed
    /// only if it also has SELECT on `performance_schema.session_connect_attrs` and CONNECTION_ADMIN; without them an
    /// adoption waits for their transactions.
    pub fn new(connector: Connector) -> Self {
        Self {
            leased: LeasedSessions::new(connector.clone()),
            sessions: SessionPools::new(connector),
        }
    }
}

impl MySqlScheduler {
    /// Passes the result on.
    fn closed_if_failed<T>(&self, lease: &Lease, done: Result<T>) -> Result<T> {
        if done.is_err() {
            self.leased.close(lease);
        }
        done
    }
}

#[async_trait]
impl Scheduler for MySqlScheduler {
    async fn install(&self, primary: &Server) -> Result<()> {
        let mut session = self.sessions.writable(primary).await?;
        schema::TABLES.install(&mut session).await?;
        session.give_back();
        Ok(())
    }

    async fn check_up(&self, server: &Server) -> Result<Vec<Check>> {
        let mut session = self.sessions.session(server).await?;
        let check = schema::TABLES.check_up(&mut session).await?;
        session.give_back();
        Ok(vec![check])
    }

    async fn submit(&self, primary: &Server, submission: &Submission) -> Result<()> {
        let mut session = self.sessions.writable(primary).await?;
        submission::submit(&mut session, submission).await?;
        session.give_back();
        Ok(())
    }

    async fn list(&self, server: &Server) -> Result<Vec<Migration>> {
        let mut session = self.sessions.session(server).await?;
        let migrations = stored::list(&mut session).await?;
        session.give_back();
        Ok(migrations)
    }

    async fn get(&self, server: &Server, id: &MigrationId) -> Result<Migration> {
        let mut session = self.sessions.session(server).await?;
        let migration = stored::find(&mut session, id).await?;
        let migration = migration.ok_or_else(|| stored::unknown(id, &session));
        session.give_back();
        migration
    }

    async fn adopt(
        &self,
        primary: &Server,
        id: &MigrationId,
        expected: Epoch,
        agent: &AgentId,
        incarnation: &Incarnation,
    ) -> Result<Lease> {
        let mut session = self.sessions.writable(primary).await?;
        let swap = Swap {
            primary,
            migration: id,
            expected,
            agent,
        };
        let lease = match swap.adopt(&mut session, incarnation).await {
            // The migration was submitted by an earlier version, which had fewer tables.
            Err(error) if is_missing(&error) => {
                session.run("ROLLBACK").await?;
                schema::TABLES.install(&mut session).await?;
                swap.adopt(&mut session, incarnation).await?
            }
            adopted => adopted?,
        };
        session.give_back();
        Ok(lease)
    }

    async fn last_adoption(&self, server: &Server, id: &MigrationId) -> Result<Option<Adoption>> {
        let mut session = self.sessions.session(server).await?;
        let last = adoption::last(&mut session, id).await?;
        session.give_back();
        Ok(last)
    }

    async fn beat(&self, lease: &Lease, report: &Report) -> Result<()> {
        let done = leased::beat(&self.leased, lease, report).await;
        self.closed_if_failed(lease, done)
    }

    async fn requests(&self, lease: &Lease) -> Result<Requests> {
        let done = leased::requests(&self.leased, lease).await;
        self.closed_if_failed(lease, done)
    }

    async fn enter(&self, lease: &Lease, phase: Phase) -> Result<()> {
        let done = leased::enter(&self.leased, lease, phase).await;
        self.closed_if_failed(lease, done)
    }

    async fn limits_of(&self, server: &Server, scope: Option<&MigrationId>) -> Result<Limits> {
        let mut session = self.sessions.session(server).await?;
        let limits = limits::of(&mut session, scope).await?;
        session.give_back();
        Ok(limits)
    }

    async fn set_limits(&self, primary: &Server, scope: Option<&MigrationId>, limits: &Limits) -> Result<()> {
        let mut session = self.sessions.writable(primary).await?;
        limits::set(&mut session, scope, limits).await?;
        session.give_back();
        Ok(())
    }

    async fn choose(&self, lease: &Lease, choice: &Choice) -> Result<()> {
        let done = paths::choose(&self.leased, lease, choice).await;
        self.closed_if_failed(lease, done)
    }

    async fn intent(&self, server: &Server, id: &MigrationId) -> Result<Option<Intent>> {
        let mut session = self.sessions.session(server).await?;
        let intent = paths::intent(&mut session, id).await?;
        session.give_back();
        Ok(intent)
    }

    async fn finish(&self, lease: &Lease, ending: Ending, message: &str, proof: Proof<'_>) -> Result<()> {
        let done = leased::finish(&self.leased, lease, ending, message, proof).await;
        self.leased.close(lease);
        done
    }

    async fn fail_stale(
        &self,
        primary: &Server,
        id: &MigrationId,
        expected: Epoch,
        agent: &AgentId,
        message: &str,
    ) -> Result<()> {
        let mut session = self.sessions.writable(primary).await?;
        let swap = Swap {
            primary,
            migration: id,
            expected,
            agent,
        };
        swap.fail(&mut session, message).await?;
        session.give_back();
        Ok(())
    }

    async fn request(&self, primary: &Server, id: &MigrationId, request: Request) -> Result<()> {
        let mut session = self.sessions.writable(primary).await?;
        let requested = requests::request(&mut session, id, request).await;
        requested.map_err(|error| match error.kind() {
            ErrorKind::Passing => error.context(format_args!(
                "the request was not recorded, and nothing was changed: {primary} takes no writes at the moment, as under \
                 FLUSH TABLES WITH READ LOCK; run the command again"
            )),
            _ => error,
        })?;
        session.give_back();
        Ok(())
    }

    async fn note(&self, primary: &Server, id: &MigrationId, agent: &AgentId, kind: &str, detail: &str) -> Result<()> {
        let mut session = self.sessions.writable(primary).await?;
        let epoch = history::epoch(&mut session, id).await?;
        let entry = Entry {
            migration: id,
            epoch,
            agent: agent.as_str(),
            kind,
            detail,
        };
        failpoint!(session, Step::HistoryNote, history::note(&mut session, entry).await)?;
        session.give_back();
        Ok(())
    }

    async fn events(&self, server: &Server, id: &MigrationId) -> Result<Vec<Event>> {
        let mut session = self.sessions.session(server).await?;
        let events = history::events(&mut session, id).await?;
        session.give_back();
        Ok(events)
    }

    async fn component(&self, server: &Server, digest: &str) -> Result<PolicyComponent> {
        let mut session = self.sessions.session(server).await?;
        let component = policies::find(&mut session, digest).await?;
        session.give_back();
        Ok(component)
    }
}

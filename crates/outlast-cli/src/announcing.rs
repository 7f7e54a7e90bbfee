//! A scheduler that tells hooks what has happened to migrations.

use std::sync::Arc;

use async_trait::async_trait;
use outlast_core::{
    AgentId, Epoch, Incarnation, Lease, Migration, MigrationId, Phase, Result, Scheduler, Server,
    check_up::Check,
    intent::{Choice, Intent},
    scheduler::{self, Adoption, Ending, PolicyComponent, Proof, Report, Request, Requests, Submission},
    throttle::Limits,
};

use crate::hooks::{Event, Happened, Hooks};

/// [`Scheduler`] that does what another one does, and then tells: only what is committed. What was committed though its reply was lost, or
/// by an agent that did not live to tell, is not told.
pub(crate) struct Announcing {
    pub(crate) scheduler: Arc<dyn Scheduler>,
    pub(crate) hooks: Arc<Hooks>,
}

impl Announcing {
    fn tell(&self, event: Event, migration: &MigrationId, epoch: Epoch, primary: &Server) {
        self.hooks.tell(Happened {
            event,
            migration: migration.clone(),
            epoch,
            primary: primary.clone(),
        });
    }
}

#[async_trait]
impl Scheduler for Announcing {
    async fn adopt(
        &self,
        primary: &Server,
        id: &MigrationId,
        expected: Epoch,
        agent: &AgentId,
        incarnation: &Incarnation,
    ) -> Result<Lease> {
        let lease = self.scheduler.adopt(primary, id, expected, agent, incarnation).await?;
        let event = match expected {
            Epoch(0) => Event::Started,
            _ => Event::Adopted,
        };
        self.tell(event, id, lease.epoch, primary);
        Ok(lease)
    }

    async fn enter(&self, lease: &Lease, phase: Phase) -> Result<()> {
        self.scheduler.enter(lease, phase).await?;
        if phase == Phase::Ready {
            self.tell(Event::Ready, &lease.migration, lease.epoch, &lease.server);
        }
        Ok(())
    }

    async fn finish(&self, lease: &Lease, ending: Ending, message: &str, proof: Proof<'_>) -> Result<()> {
        self.scheduler.finish(lease, ending, message, proof).await?;
        let event = match ending {
            Ending::Complete => Event::Complete,
            Ending::Failed => Event::Failed,
            Ending::Cancelled => Event::Cancelled,
        };
        self.tell(event, &lease.migration, lease.epoch, &lease.server);
        Ok(())
    }

    async fn fail_stale(
        &self,
        primary: &Server,
        id: &MigrationId,
        expected: Epoch,
        agent: &AgentId,
        message: &str,
    ) -> Result<()> {
        self.scheduler.fail_stale(primary, id, expected, agent, message).await?;
        // Else it can't go on where it was found.
        let event = match message.starts_with("stale: ") {
            true => Event::Stale,
            false => Event::Failed,
        };
        self.tell(event, id, expected, primary);
        Ok(())
    }

    async fn install(&self, primary: &Server) -> Result<()> {
        self.scheduler.install(primary).await
    }

    async fn check_up(&self, server: &Server) -> Result<Vec<Check>> {
        self.scheduler.check_up(server).await
    }

    async fn submit(&self, primary: &Server, submission: &Submission) -> Result<()> {
        self.scheduler.submit(primary, submission).await
    }

    async fn list(&self, server: &Server) -> Result<Vec<Migration>> {
        self.scheduler.list(server).await
    }

    async fn get(&self, server: &Server, id: &MigrationId) -> Result<Migration> {
        self.scheduler.get(server, id).await
    }

    async fn last_adoption(&self, server: &Server, id: &MigrationId) -> Result<Option<Adoption>> {
        self.scheduler.last_adoption(server, id).await
    }

    async fn beat(&self, lease: &Lease, report: &Report) -> Result<()> {
        self.scheduler.beat(lease, report).await
    }

    async fn requests(&self, lease: &Lease) -> Result<Requests> {
        self.scheduler.requests(lease).await
    }

    async fn set_limits(&self, primary: &Server, scope: Option<&MigrationId>, limits: &Limits) -> Result<()> {
        self.scheduler.set_limits(primary, scope, limits).await
    }

    async fn limits_of(&self, server: &Server, scope: Option<&MigrationId>) -> Result<Limits> {
        self.scheduler.limits_of(server, scope).await
    }

    async fn choose(&self, lease: &Lease, choice: &Choice) -> Result<()> {
        self.scheduler.choose(lease, choice).await
    }

    async fn intent(&self, server: &Server, id: &MigrationId) -> Result<Option<Intent>> {
        self.scheduler.intent(server, id).await
    }

    async fn request(&self, primary: &Server, id: &MigrationId, request: Request) -> Result<()> {
        self.scheduler.request(primary, id, request).await
    }

    async fn note(&self, primary: &Server, id: &MigrationId, agent: &AgentId, kind: &str, detail: &str) -> Result<()> {
        self.scheduler.note(primary, id, agent, kind, detail).await
    }

    async fn events(&self, server: &Server, id: &MigrationId) -> Result<Vec<scheduler::Event>> {
        self.scheduler.events(server, id).await
    }

    async fn component(&self, server: &Server, digest: &str) -> Result<PolicyComponent> {
        self.scheduler.component(server, digest).await
    }
}

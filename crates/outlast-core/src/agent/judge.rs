//! What to do about a migration that has no run here: ask the policies.

use std::time::Duration;

use super::{Round, adoption};
use crate::{
    error::Result,
    ids::Server,
    policy::{AdoptionVerdict, AdoptionView, Decision, LivenessView, Params},
    scheduler::{Migration, Status},
};

pub(super) enum Judgement {
    /// As a policy said in these words, which are still to be noted in the history; `None` if none was asked.
    Adopt(Option<String>),
    Wait(Duration),
    Leave,
}

impl Round<'_> {
    /// Judges a migration without a run here. A stale one is marked failed on the way.
    pub(super) async fn judge(
        &mut self,
        primary: &Server,
        migration: &Migration,
        silence: Duration,
    ) -> Result<Judgement> {
        let Some(owner) = migration.owner.as_ref().filter(|_| migration.status == Status::Running) else {
            // Nobody's yet: the first epoch needs no permission.
            return Ok(Judgement::Adopt(None));
        };
        let parts = &self.agent.parts;
        let policies = self.policies_of(&migration.id);
        let age = silence.as_millis() as u64;
        let server_changed = owner.server != primary.uuid;
        let state = parts.topology.inspect(primary).await?;
        // A later sign of life may stand in the relay log.
        adoption::settled(primary, &state)?;
        let clock_skew_ms = state.clock_skew_ms;
        let outage_ms = self.outage.map(|outage| outage.as_millis() as u64);
        let cutoff = policies.cutoff(LivenessView {
            migration: migration.id.to_string(),
            phase: migration.phase.name().to_owned(),
            liveness_age_ms: age,
            clock_skew_ms,
            outage_ms,
            replica_lag_ms: None,
            failovers: migration.failovers,
            rows_copied: migration.rows_copied,
            table_rows: migration.table_rows,
            seed: parts.services.clock.random(),
            params: Params::new(),
        });
        if let Some(fault) = &cutoff.fault {
            tracing::warn!(policy = %cutoff.policy, %fault, "the staleness policy failed; the default cutoff is used");
        }
        if age > cutoff.verdict {
            if self.must_be_concluded(primary, migration).await? {
                return Ok(Judgement::Adopt(None));
            }
            let message = format!(
                "stale: the last sign of life is {:.0} s old, more than the {:.0} s that policy {} allows; its owner was \
                 agent {} on server {}. The source table is untouched, copied rows and checkpoint are kept: `outlast retry \
                 {}` goes on from there",
                age as f64 / 1000.0,
                cutoff.verdict as f64 / 1000.0,
                cutoff.policy,
                owner.agent,
                owner.server,
                migration.id,
            );
            let (scheduler, agent) = (&parts.services.scheduler, &self.agent.id);
            scheduler
                .fail_stale(primary, &migration.id, migration.epoch, agent, &message)
                .await?;
            return Ok(Judgement::Leave);
        }
        let decision = policies.adopt(AdoptionView {
            migration: migration.id.to_string(),
            phase: migration.phase.name().to_owned(),
            agent: self.agent.id.to_string(),
            owner_agent: owner.agent.to_string(),
            owned_by_this_agent: owner.incarnation == self.agent.incarnation,
            owner_server_uuid: owner.server.to_string(),
            this_server_uuid: primary.uuid.to_string(),
            server_changed,
            epoch: migration.epoch.0,
            failovers: migration.failovers,
            liveness_age_ms: age,
            liveness_interval_ms: parts.services.settings.liveness_interval.as_millis() as u64,
            cutoff_ms: cutoff.verdict,
            clock_skew_ms,
            outage_ms,
            replica_lag_ms: None,
            rows_copied: migration.rows_copied,
            table_rows: migration.table_rows,
            seed: parts.services.clock.random(),
            params: Params::new(),
        });
        let words = self.explain(migration, &decision);
        let wait = match decision.verdict {
            AdoptionVerdict::Adopt => return Ok(Judgement::Adopt(words)),
            AdoptionVerdict::Wait { ms } => Duration::from_millis(ms),
            // Asked again now and then: the owner, the server or the policy may change.
            AdoptionVerdict::Decline { .. } => Duration::from_secs(5),
        };
        self.note(primary, migration, words).await;
        Ok(Judgement::Wait(wait))
    }

    /// What the history is to say of a refusal, a fault or an adoption; the same one once.
    fn explain(&mut self, migration: &Migration, decision: &Decision<AdoptionVerdict>) -> Option<String> {
        let what = match (&decision.fault, &decision.verdict) {
            (Some(fault), verdict) => format!("policy {} failed ({fault}); instead: {verdict}", decision.policy),
            (None, AdoptionVerdict::Wait { .. }) => return None,
            (None, verdict) => format!("policy {}: {verdict}", decision.policy),
        };
        let note = format!("{what} (epoch {})", migration.epoch);
        let local = self.locals.entry(migration.id.clone()).or_default();
        if local.last_note == note {
            return None;
        }
        local.last_note = note;
        tracing::info!(migration = %migration.id, "{what}");
        Some(what)
    }

    /// Notes a verdict in the history.
    pub(super) async fn note(&self, primary: &Server, migration: &Migration, words: Option<String>) {
        let Some(words) = words else { return };
        let (scheduler, agent) = (&self.agent.parts.services.scheduler, &self.agent.id);
        if let Err(error) = scheduler.note(primary, &migration.id, agent, "verdict", &words).await {
            tracing::debug!(%error, "a line of history is missing");
        }
    }
}

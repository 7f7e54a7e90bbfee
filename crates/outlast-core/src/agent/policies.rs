//! The policies a migration brings along.

use std::sync::Arc;

use super::Round;
use crate::{
    error::{Error, ErrorKind, Result},
    ids::Server,
    policy::{Policies, Policy, Slot},
    scheduler::{Migration, PolicyComponent},
};

/// Turns a stored component into a policy.
pub trait PolicyLoader: Send + Sync {
    /// # Errors
    /// `BadRequest` if the component can't be loaded; the message says why.
    fn load(&self, component: &PolicyComponent) -> Result<Arc<dyn Policy>>;
}

/// For agents without a WebAssembly host: refuses every component.
pub struct NativePolicies;

impl PolicyLoader for NativePolicies {
    fn load(&self, component: &PolicyComponent) -> Result<Arc<dyn Policy>> {
        Err(Error::new(
            ErrorKind::BadRequest,
            format!(
                "this agent runs no policy components, and can't load {}",
                component.name
            ),
        ))
    }
}

impl Round<'_> {
    /// Loads, once, the policies that a migration brings.
    ///
    /// # Errors
    /// Those of the server. A component that can't be loaded is reported and replaced by the agent's own policy.
    pub(super) async fn load_policies(&mut self, server: &Server, migration: &Migration) -> Result<()> {
        if self
            .locals
            .get(&migration.id)
            .is_some_and(|local| local.policies.is_some())
        {
            return Ok(());
        }
        let choice = &migration.options.policies;
        let own = &self.agent.parts.policies;
        let mut slots = Vec::with_capacity(3);
        for (slot, digest) in [
            (Slot::Adoption, &choice.adoption),
            (Slot::Retry, &choice.retry),
            (Slot::Staleness, &choice.staleness),
        ] {
            let fallback = Arc::clone(own.policy(slot));
            slots.push(match digest {
                None => fallback,
                Some(digest) => self
                    .stored_policy(server, migration, slot, digest)
                    .await?
                    .unwrap_or(fallback),
            });
        }
        let [adoption, retry, staleness] = <[Arc<dyn Policy>; 3]>::try_from(slots)
            .map_err(|_| Error::new(ErrorKind::Unknown, "three slots have three policies"))?;
        let params = own
            .params()
            .iter()
            .chain(&migration.options.policy_params)
            .cloned()
            .collect();
        let policies = Policies::new(adoption, retry, staleness)
            .map_err(|fault| Error::new(ErrorKind::BadRequest, fault.to_string()))?
            .with_params(params);
        self.locals.entry(migration.id.clone()).or_default().policies = Some(policies);
        Ok(())
    }

    async fn stored_policy(
        &self,
        server: &Server,
        migration: &Migration,
        slot: Slot,
        digest: &str,
    ) -> Result<Option<Arc<dyn Policy>>> {
        let scheduler = &self.agent.parts.services.scheduler;
        let loaded = match scheduler.component(server, digest).await {
            Ok(component) => self.agent.parts.loader.load(&component),
            Err(error) if error.kind() == ErrorKind::BadRequest => Err(error),
            Err(error) => return Err(error),
        };
        match loaded {
            Ok(policy) if policy.slots().contains(slot) => Ok(Some(policy)),
            Ok(policy) => {
                tracing::warn!(migration = %migration.id, %slot, policy = %policy.id(), "the policy does not fill its slot");
                Ok(None)
            }
            Err(error) => {
                let what = format!("the {slot} policy {digest:.12} is replaced by this agent's own: {error}");
                tracing::warn!(migration = %migration.id, "{what}");
                scheduler
                    .note(server, &migration.id, &self.agent.id, "verdict", &what)
                    .await?;
                Ok(None)
            }
        }
    }
}

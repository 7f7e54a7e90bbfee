//! The host side of `outlast:policy@0.1.0`.
//!
//! A published version is frozen: the next one gets a module of its own beside this one.

use outlast_core::policy::{
    AdoptionVerdict, AdoptionView, FailureView, LivenessView, Params, RetryVerdict, Slot, Slots,
};
use wasmtime::component::InstancePre;

use crate::sandbox::{Limits, Sandbox};

/// The version of the WIT package.
pub(crate) const VERSION: &str = "0.1.0";

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from the WIT")]
mod bindings {
    wasmtime::component::bindgen!({ world: "all", path: "../../policies/wit/0.1.0" });
}

use bindings::exports::outlast::policy::{adoption, retry, staleness};
use bindings::outlast::policy::types;

/// Where a component's functions are found; `None` for slots that it doesn't fill.
pub(crate) struct Exports {
    adoption: Option<adoption::GuestIndices>,
    retry: Option<retry::GuestIndices>,
    staleness: Option<staleness::GuestIndices>,
}

impl Exports {
    /// Finds the functions by name; [`Exports::check`] compares their types.
    pub(crate) fn find(component: &InstancePre<Limits>) -> Self {
        Self {
            adoption: adoption::GuestIndices::new(component).ok(),
            retry: retry::GuestIndices::new(component).ok(),
            staleness: staleness::GuestIndices::new(component).ok(),
        }
    }

    pub(crate) fn slots(&self) -> Slots {
        Slots {
            adoption: self.adoption.is_some(),
            retry: self.retry.is_some(),
            staleness: self.staleness.is_some(),
        }
    }

    /// Compares the types of the functions with those of the WIT; the error names the first slot that differs.
    pub(crate) fn check(&self, sandbox: &mut Sandbox) -> Result<(), (Slot, wasmtime::Error)> {
        let Sandbox { store, instance, .. } = sandbox;
        if let Some(exports) = &self.adoption {
            exports
                .load(&mut *store, instance)
                .map_err(|error| (Slot::Adoption, error))?;
        }
        if let Some(exports) = &self.retry {
            exports
                .load(&mut *store, instance)
                .map_err(|error| (Slot::Retry, error))?;
        }
        if let Some(exports) = &self.staleness {
            exports
                .load(&mut *store, instance)
                .map_err(|error| (Slot::Staleness, error))?;
        }
        Ok(())
    }

    /// `None` if the slot is not filled.
    pub(crate) fn adopt(
        &self,
        sandbox: &mut Sandbox,
        view: &AdoptionView,
    ) -> Option<wasmtime::Result<AdoptionVerdict>> {
        let exports = self.adoption.as_ref()?;
        let Sandbox { store, instance, .. } = sandbox;
        let answer = exports
            .load(&mut *store, instance)
            .and_then(|guest| guest.call_adopt(store, &view.into()));
        Some(answer.map(AdoptionVerdict::from))
    }

    /// `None` if the slot is not filled.
    pub(crate) fn backoff(&self, sandbox: &mut Sandbox, view: &FailureView) -> Option<wasmtime::Result<RetryVerdict>> {
        let exports = self.retry.as_ref()?;
        let Sandbox { store, instance, .. } = sandbox;
        let answer = exports
            .load(&mut *store, instance)
            .and_then(|guest| guest.call_backoff(store, &view.into()));
        Some(answer.map(RetryVerdict::from))
    }

    /// `None` if the slot is not filled.
    pub(crate) fn cutoff(&self, sandbox: &mut Sandbox, view: &LivenessView) -> Option<wasmtime::Result<u64>> {
        let exports = self.staleness.as_ref()?;
        let Sandbox { store, instance, .. } = sandbox;
        Some(
            exports
                .load(&mut *store, instance)
                .and_then(|guest| guest.call_cutoff(store, &view.into())),
        )
    }
}

impl From<&AdoptionView> for types::AdoptionView {
    fn from(view: &AdoptionView) -> Self {
        Self {
            migration: view.migration.clone(),
            phase: view.phase.clone(),
            agent: view.agent.clone(),
            owner_agent: view.owner_agent.clone(),
            owned_by_this_agent: view.owned_by_this_agent,
            owner_server_uuid: view.owner_server_uuid.clone(),
            this_server_uuid: view.this_server_uuid.clone(),
            server_changed: view.server_changed,
            epoch: view.epoch,
            failovers: view.failovers,
            liveness_age_ms: view.liveness_age_ms,
            liveness_interval_ms: view.liveness_interval_ms,
            cutoff_ms: view.cutoff_ms,
            clock_skew_ms: view.clock_skew_ms,
            outage_ms: view.outage_ms,
            replica_lag_ms: view.replica_lag_ms,
            rows_copied: view.rows_copied,
            table_rows: view.table_rows,
            seed: view.seed,
            params: params(&view.params),
        }
    }
}

impl From<&FailureView> for types::FailureView {
    fn from(view: &FailureView) -> Self {
        Self {
            migration: view.migration.clone(),
            phase: view.phase.clone(),
            kind: view.kind.clone(),
            code: view.code,
            message: view.message.clone(),
            attempts: view.attempts,
            failing_for_ms: view.failing_for_ms,
            seed: view.seed,
            params: params(&view.params),
        }
    }
}

impl From<&LivenessView> for types::LivenessView {
    fn from(view: &LivenessView) -> Self {
        Self {
            migration: view.migration.clone(),
            phase: view.phase.clone(),
            liveness_age_ms: view.liveness_age_ms,
            clock_skew_ms: view.clock_skew_ms,
            outage_ms: view.outage_ms,
            replica_lag_ms: view.replica_lag_ms,
            failovers: view.failovers,
            rows_copied: view.rows_copied,
            table_rows: view.table_rows,
            seed: view.seed,
            params: params(&view.params),
        }
    }
}

impl From<types::AdoptionVerdict> for AdoptionVerdict {
    fn from(verdict: types::AdoptionVerdict) -> Self {
        match verdict {
            types::AdoptionVerdict::Adopt => Self::Adopt,
            types::AdoptionVerdict::Wait(ms) => Self::Wait { ms },
            types::AdoptionVerdict::Decline(reason) => Self::Decline { reason },
        }
    }
}

impl From<types::RetryVerdict> for RetryVerdict {
    fn from(verdict: types::RetryVerdict) -> Self {
        match verdict {
            types::RetryVerdict::After(ms) => Self::After { ms },
            types::RetryVerdict::GiveUp(reason) => Self::GiveUp { reason },
        }
    }
}

fn params(params: &Params) -> Vec<types::Param> {
    params
        .iter()
        .map(|(name, value)| types::Param {
            name: name.clone(),
            value: value.clone(),
        })
        .collect()
}

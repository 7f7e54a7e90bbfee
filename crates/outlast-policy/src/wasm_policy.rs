//! A component that answers as a policy.

use outlast_core::policy::{
    AdoptionVerdict, AdoptionView, FailureView, LivenessView, Policy, PolicyFault, PolicyId, RetryVerdict, Slot, Slots,
};

use crate::component::Component;
use crate::sandbox::Sandbox;
use crate::v0_1_0::Exports;

/// A policy that runs in the sandbox.
///
/// Each call instantiates the component anew, runs it within [`FUEL`](crate::FUEL), [`DEADLINE`](crate::DEADLINE) and
/// [`MAX_MEMORY_BYTES`](crate::MAX_MEMORY_BYTES), and throws the instance away.
#[derive(Debug, Clone)]
pub struct WasmPolicy {
    component: Component,
}

impl WasmPolicy {
    /// Makes a policy of a component that passed all checks.
    #[must_use]
    pub fn new(component: Component) -> Self {
        Self { component }
    }

    /// The component, for storing it with a migration.
    #[must_use]
    pub fn component(&self) -> &Component {
        &self.component
    }

    /// Asks a fresh instance; `question` answers `None` if the component doesn't fill the slot.
    fn ask<T>(
        &self,
        slot: Slot,
        question: impl FnOnce(&Exports, &mut Sandbox) -> Option<wasmtime::Result<T>>,
    ) -> Result<T, PolicyFault> {
        let compiled = &self.component.compiled;
        let mut sandbox = Sandbox::start(&compiled.instance)?;
        match question(&compiled.exports, &mut sandbox) {
            Some(answer) => answer.map_err(|error| sandbox.fault(&error)),
            None => Err(PolicyFault::SlotMissing(slot)),
        }
    }
}

impl Policy for WasmPolicy {
    fn id(&self) -> &PolicyId {
        self.component.id()
    }

    fn slots(&self) -> Slots {
        self.component.slots()
    }

    fn adopt(&self, view: &AdoptionView) -> Result<AdoptionVerdict, PolicyFault> {
        self.ask(Slot::Adoption, |exports, sandbox| exports.adopt(sandbox, view))
    }

    fn backoff(&self, view: &FailureView) -> Result<RetryVerdict, PolicyFault> {
        self.ask(Slot::Retry, |exports, sandbox| exports.backoff(sandbox, view))
    }

    fn cutoff(&self, view: &LivenessView) -> Result<u64, PolicyFault> {
        self.ask(Slot::Staleness, |exports, sandbox| exports.cutoff(sandbox, view))
    }
}

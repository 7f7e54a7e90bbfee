//! Asking policies without trusting them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::defaults::backoff_ms;
use super::{
    AdoptionVerdict, AdoptionView, FailureView, LivenessView, NativeDefaults, Params, Policy, PolicyFault, PolicyId,
    RetryVerdict, Slot,
};

/// The wait, in milliseconds, that replaces the answer of an adoption policy that gave none.
pub const CONSERVATIVE_WAIT_MS: u64 = 5_000;
/// The cutoff, in milliseconds, that replaces the answer of a staleness policy that gave none.
pub const CONSERVATIVE_CUTOFF_MS: u64 = 600_000;
/// The longest wait or backoff, in milliseconds, that is followed.
pub const MAX_WAIT_MS: u64 = 3_600_000;
/// The shortest wait or backoff, in milliseconds, that is followed: less would be a busy loop against the primary.
pub const MIN_BACKOFF_MS: u64 = 50;
/// The shortest cutoff, in milliseconds, that is followed.
pub const MIN_CUTOFF_MS: u64 = 1_000;
/// The longest cutoff, in milliseconds: a year. A policy that means "never" answers more, and gets this.
pub const MAX_CUTOFF_MS: u64 = 365 * 86_400_000;
/// The longest reason, in bytes, that is passed on.
pub const MAX_REASON_BYTES: usize = 1_024;

/// A verdict that is safe to follow, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<T> {
    /// What to do.
    pub verdict: T,
    /// The policy that was asked.
    pub policy: PolicyId,
    /// Set if the verdict is not the policy's own: it gave none, or one that had to be corrected.
    pub fault: Option<PolicyFault>,
}

/// One policy for each slot, and the parameters they see.
///
/// Every method answers, whatever the policy does: a fault is replaced, for this one decision, by a conservative verdict,
/// and reported in [`Decision::fault`].
#[derive(Clone)]
pub struct Policies {
    adoption: Arc<dyn Policy>,
    retry: Arc<dyn Policy>,
    staleness: Arc<dyn Policy>,
    params: Params,
}

impl Policies {
    /// Puts one policy in each slot; the same one may stand in several.
    ///
    /// # Errors
    ///
    /// [`PolicyFault::SlotMissing`] if a policy doesn't fill the slot it is put in.
    pub fn new(
        adoption: Arc<dyn Policy>,
        retry: Arc<dyn Policy>,
        staleness: Arc<dyn Policy>,
    ) -> Result<Self, PolicyFault> {
        let slots = [
            (Slot::Adoption, &adoption),
            (Slot::Retry, &retry),
            (Slot::Staleness, &staleness),
        ];
        if let Some((slot, _)) = slots.into_iter().find(|(slot, policy)| !policy.slots().contains(*slot)) {
            return Err(PolicyFault::SlotMissing(slot));
        }
        Ok(Self {
            adoption,
            retry,
            staleness,
            params: Params::new(),
        })
    }

    /// [`NativeDefaults`] in every slot.
    #[must_use]
    pub fn native_defaults() -> Self {
        let policy: Arc<dyn Policy> = Arc::new(NativeDefaults::new());
        Self {
            adoption: Arc::clone(&policy),
            retry: Arc::clone(&policy),
            staleness: policy,
            params: Params::new(),
        }
    }

    /// Replaces the policy of every slot that `policy` fills, and leaves the others.
    #[must_use]
    pub fn with_policy(mut self, policy: &Arc<dyn Policy>) -> Self {
        for slot in policy.slots().iter() {
            *self.place(slot) = Arc::clone(policy);
        }
        self
    }

    /// Replaces the policy of one slot.
    ///
    /// # Errors
    ///
    /// [`PolicyFault::SlotMissing`] if the policy doesn't fill it.
    pub fn with_policy_in(mut self, slot: Slot, policy: Arc<dyn Policy>) -> Result<Self, PolicyFault> {
        if !policy.slots().contains(slot) {
            return Err(PolicyFault::SlotMissing(slot));
        }
        *self.place(slot) = policy;
        Ok(self)
    }

    fn place(&mut self, slot: Slot) -> &mut Arc<dyn Policy> {
        match slot {
            Slot::Adoption => &mut self.adoption,
            Slot::Retry => &mut self.retry,
            Slot::Staleness => &mut self.staleness,
        }
    }

    /// Replaces the parameters that every policy sees.
    #[must_use]
    pub fn with_params(mut self, params: Params) -> Self {
        self.params = params;
        self
    }

    /// The policy in `slot`.
    #[must_use]
    pub fn policy(&self, slot: Slot) -> &Arc<dyn Policy> {
        match slot {
            Slot::Adoption => &self.adoption,
            Slot::Retry => &self.retry,
            Slot::Staleness => &self.staleness,
        }
    }

    /// The parameters that every policy sees.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Whether to take over a stream; `view.params` is filled in here.
    ///
    /// Conservative verdict: wait [`CONSERVATIVE_WAIT_MS`].
    #[must_use]
    pub fn adopt(&self, view: AdoptionView) -> Decision<AdoptionVerdict> {
        let view = AdoptionView {
            params: self.params.clone(),
            ..view
        };
        let (verdict, fault) = match contained(|| self.adoption.adopt(&view)) {
            Ok(AdoptionVerdict::Adopt) => (AdoptionVerdict::Adopt, None),
            Ok(AdoptionVerdict::Wait { ms }) => {
                let (ms, fault) = within("wait", ms, MIN_BACKOFF_MS, MAX_WAIT_MS);
                (AdoptionVerdict::Wait { ms }, fault)
            }
            Ok(AdoptionVerdict::Decline { reason }) => (
                AdoptionVerdict::Decline {
                    reason: presentable(&reason),
                },
                None,
            ),
            Err(fault) => (
                AdoptionVerdict::Wait {
                    ms: CONSERVATIVE_WAIT_MS,
                },
                Some(fault),
            ),
        };
        Decision {
            verdict,
            policy: self.adoption.id().clone(),
            fault,
        }
    }

    /// How long to wait after a failure; `view.params` is filled in here.
    ///
    /// Conservative verdict: the default exponential backoff, at most 30 s, which never gives up.
    #[must_use]
    pub fn backoff(&self, view: FailureView) -> Decision<RetryVerdict> {
        let view = FailureView {
            params: self.params.clone(),
            ..view
        };
        let (verdict, fault) = match contained(|| self.retry.backoff(&view)) {
            Ok(RetryVerdict::After { ms }) => {
                let (ms, fault) = within("retry after", ms, MIN_BACKOFF_MS, MAX_WAIT_MS);
                (RetryVerdict::After { ms }, fault)
            }
            Ok(RetryVerdict::GiveUp { reason }) => (
                RetryVerdict::GiveUp {
                    reason: presentable(&reason),
                },
                None,
            ),
            Err(fault) => (RetryVerdict::After { ms: backoff_ms(&view) }, Some(fault)),
        };
        Decision {
            verdict,
            policy: self.retry.id().clone(),
            fault,
        }
    }

    /// The age of the last liveness, in milliseconds, beyond which a stream is stale; `view.params` is filled in here.
    ///
    /// Conservative verdict: [`CONSERVATIVE_CUTOFF_MS`].
    #[must_use]
    pub fn cutoff(&self, view: LivenessView) -> Decision<u64> {
        let view = LivenessView {
            params: self.params.clone(),
            ..view
        };
        let (verdict, fault) = match contained(|| self.staleness.cutoff(&view)) {
            Ok(ms) => within("a cutoff of", ms.min(MAX_CUTOFF_MS), MIN_CUTOFF_MS, MAX_CUTOFF_MS),
            Err(fault) => (CONSERVATIVE_CUTOFF_MS, Some(fault)),
        };
        Decision {
            verdict,
            policy: self.staleness.id().clone(),
            fault,
        }
    }
}

impl std::fmt::Debug for Policies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policies")
            .field("adoption", self.adoption.id())
            .field("retry", self.retry.id())
            .field("staleness", self.staleness.id())
            .field("params", &self.params)
            .finish()
    }
}

/// Turns a panic into a fault. A policy keeps no state that a panic could leave half changed.
fn contained<T>(ask: impl FnOnce() -> Result<T, PolicyFault>) -> Result<T, PolicyFault> {
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Err(PolicyFault::Trap(presentable(text.unwrap_or("panicked"))))
    })
}

/// Moves `ms` into the bounds, and says so if it was outside.
fn within(what: &str, ms: u64, min: u64, max: u64) -> (u64, Option<PolicyFault>) {
    let bounded = ms.clamp(min, max);
    let fault = (bounded != ms).then(|| PolicyFault::Nonsense(format!("{what} {ms} ms; {bounded} ms is used")));
    (bounded, fault)
}

/// A reason as it may stand in one line of a table, a log or a terminal: bounded, and without control characters.
fn presentable(reason: &str) -> String {
    let end = reason.floor_char_boundary(MAX_REASON_BYTES);
    let text: String = reason[..end]
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    match text.trim() {
        "" => "no reason given".to_owned(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;

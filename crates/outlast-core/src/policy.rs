//! Decisions that a user may replace: when to adopt, how long to back off, when a stream is too stale.
//!
//! A [`Policy`] answers up to three questions, its [`Slots`]. [`Policies`] holds one policy for each slot and is the only
//! thing that asks them: whatever a policy does, [`Policies`] returns a verdict that is safe to follow (invariant I11: a
//! policy can delay or refuse, it can't corrupt). This module knows nothing of WebAssembly; the crate `outlast-policy`
//! implements [`Policy`] for components, and [`NativeDefaults`] is the shipped behaviour in plain Rust.

mod contained;
mod defaults;
mod duration;
mod fault;
mod verdicts;
mod views;

pub use contained::{
    CONSERVATIVE_CUTOFF_MS, CONSERVATIVE_WAIT_MS, Decision, MAX_CUTOFF_MS, MAX_REASON_BYTES, MAX_WAIT_MS,
    MIN_BACKOFF_MS, MIN_CUTOFF_MS, Policies,
};
pub use defaults::{BadParam, NativeDefaults};
pub use duration::parse_duration_ms;
pub use fault::PolicyFault;
pub use verdicts::{AdoptionVerdict, RetryVerdict};
pub use views::{AdoptionView, FailureView, LivenessView, Params};

use std::fmt;

/// One of the three questions that a policy may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slot {
    /// Whether, and when, to take over a stream that another owner ran.
    Adoption,
    /// How long to wait after a failure, or whether to give up.
    Retry,
    /// From which age of its last sign of life a stream counts as lost.
    Staleness,
}

impl Slot {
    /// All slots, in the order in which they are listed to people.
    pub const ALL: [Self; 3] = [Self::Adoption, Self::Retry, Self::Staleness];

    /// The slot's name, as in configuration files and in the WIT interfaces.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Adoption => "adoption",
            Self::Retry => "retry",
            Self::Staleness => "staleness",
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The slots that a policy fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Slots {
    /// Answers [`Policy::adopt`].
    pub adoption: bool,
    /// Answers [`Policy::backoff`].
    pub retry: bool,
    /// Answers [`Policy::cutoff`].
    pub staleness: bool,
}

impl Slots {
    /// Every slot.
    pub const ALL: Self = Self {
        adoption: true,
        retry: true,
        staleness: true,
    };

    /// Whether `slot` is filled.
    #[must_use]
    pub fn contains(self, slot: Slot) -> bool {
        match slot {
            Slot::Adoption => self.adoption,
            Slot::Retry => self.retry,
            Slot::Staleness => self.staleness,
        }
    }

    /// Whether no slot is filled.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// The filled slots, in the order of [`Slot::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Slot> {
        Slot::ALL.into_iter().filter(move |slot| self.contains(*slot))
    }
}

impl fmt::Display for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, slot) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            slot.fmt(f)?;
        }
        Ok(())
    }
}

/// What names a policy in the history of a migration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct PolicyId {
    /// The name that people gave it.
    pub name: String,
    /// SHA-256 of the component's bytes, 64 lower-case hexadecimal digits; `native` for a policy compiled into this program.
    pub digest: String,
}

impl PolicyId {
    /// The digest of a policy that is compiled in rather than loaded.
    pub const NATIVE_DIGEST: &'static str = "native";

    /// The id of a policy that is compiled into this program.
    #[must_use]
    pub fn native(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            digest: Self::NATIVE_DIGEST.to_owned(),
        }
    }
}

impl fmt::Display for PolicyId {
    /// The name and enough of the digest to tell two versions apart: `patient@3f9c2a81d07b`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{:.12}", self.name, self.digest)
    }
}

/// A pure function from what is known to what to do, for one or more slots.
///
/// # Contract
///
/// - **Pure.** The answer depends on the view alone: no clock, no I/O, no state between calls, no randomness except
///   the view's seed. Asked twice, it answers the same.
/// - **Bounded.** A call returns within milliseconds; it may be made on an async executor's thread.
/// - **Not trusted.** Callers go through [`Policies`], which contains panics and faults and clamps what is out of range.
///   A fault is therefore an ordinary outcome, never a reason to fail a migration.
/// - A slot that [`Policy::slots`] doesn't list answers [`PolicyFault::SlotMissing`], as the provided methods do.
pub trait Policy: Send + Sync {
    /// Name and digest, for the history and for error messages.
    fn id(&self) -> &PolicyId;

    /// The slots that this policy fills.
    fn slots(&self) -> Slots;

    /// Whether to take over a stream that another owner ran.
    ///
    /// # Errors
    ///
    /// A [`PolicyFault`] if the policy gave no answer.
    fn adopt(&self, view: &AdoptionView) -> Result<AdoptionVerdict, PolicyFault> {
        let _ = view;
        Err(PolicyFault::SlotMissing(Slot::Adoption))
    }

    /// How long to wait after a failure.
    ///
    /// # Errors
    ///
    /// A [`PolicyFault`] if the policy gave no answer.
    fn backoff(&self, view: &FailureView) -> Result<RetryVerdict, PolicyFault> {
        let _ = view;
        Err(PolicyFault::SlotMissing(Slot::Retry))
    }

    /// The age of the last committed liveness, in milliseconds, beyond which a stream is stale.
    ///
    /// # Errors
    ///
    /// A [`PolicyFault`] if the policy gave no answer.
    fn cutoff(&self, view: &LivenessView) -> Result<u64, PolicyFault> {
        let _ = view;
        Err(PolicyFault::SlotMissing(Slot::Staleness))
    }
}

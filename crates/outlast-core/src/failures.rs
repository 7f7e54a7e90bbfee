//! Consecutive failures of one kind of work, and what the retry policy says to the latest.

use std::time::Duration;

use crate::{
    clock::Clock,
    error::Error,
    ids::MigrationId,
    policy::{Decision, FailureView, Params, Policies, RetryVerdict},
    scheduler::Phase,
};

/// How often something failed in a row, and since when.
#[derive(Default)]
pub(crate) struct Failures {
    attempts: u32,
    since: Duration,
}

impl Failures {
    /// It succeeded.
    pub(crate) fn clear(&mut self) {
        self.attempts = 0;
    }

    /// Number of failures in a row.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Which attempt it was that failed, and since when they do, for people.
    pub(crate) fn described(&self, clock: &dyn Clock) -> String {
        match (clock.now() - self.since).as_secs() {
            0 => format!("attempt {}", self.attempts),
            seconds => format!("attempt {} in {seconds} s", self.attempts),
        }
    }

    /// Counts a failure and asks the retry policy about it. A policy that fails itself is reported.
    pub(crate) fn judge(
        &mut self,
        clock: &dyn Clock,
        policies: &Policies,
        migration: &MigrationId,
        phase: Phase,
        error: &Error,
    ) -> Decision<RetryVerdict> {
        if self.attempts == 0 {
            self.since = clock.now();
        }
        self.attempts += 1;
        let decision = policies.backoff(FailureView {
            migration: migration.to_string(),
            phase: phase.name().to_owned(),
            kind: error.kind().name().to_owned(),
            code: error.code(),
            message: error.message().to_owned(),
            attempts: self.attempts,
            failing_for_ms: (clock.now() - self.since).as_millis() as u64,
            seed: clock.random(),
            params: Params::new(),
        });
        if let Some(fault) = &decision.fault {
            tracing::warn!(policy = %decision.policy, %fault, "the retry policy failed; the default backoff is used");
        }
        decision
    }
}

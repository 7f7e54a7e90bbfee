//! Waiting between attempts, as the retry policy decides.

use std::time::Duration;

use super::Run;
use crate::{
    error::{Error, Response, Result},
    policy::{FailureView, Params, RetryVerdict},
};

/// Consecutive failures of one kind of work.
#[derive(Default)]
pub(super) struct Failures {
    attempts: u32,
    since: Duration,
}

impl Failures {
    pub(super) fn clear(&mut self) {
        self.attempts = 0;
    }
}

impl Run {
    /// Waits before the next attempt, or returns the error if there is to be none.
    ///
    /// Only errors that pass by themselves are waited for here; the others end the run.
    pub(super) async fn wait_before_retry(&self, failures: &mut Failures, error: Error) -> Result<()> {
        match error.kind().response() {
            Response::Retry | Response::RetryBounded => {}
            Response::Rediscover | Response::Yield | Response::Shrink | Response::Fail => return Err(error),
        }
        self.wait_by_policy(failures, error).await
    }

    /// As [`Run::wait_before_retry`], whatever the error's kind.
    pub(super) async fn wait_by_policy(&self, failures: &mut Failures, error: Error) -> Result<()> {
        let clock = &self.services.clock;
        if failures.attempts == 0 {
            failures.since = clock.now();
        }
        failures.attempts += 1;
        let decision = self.policies.backoff(FailureView {
            migration: self.migration.id.to_string(),
            phase: self.view().phase.name().to_owned(),
            kind: error.kind().name().to_owned(),
            code: error.code(),
            message: error.message().to_owned(),
            attempts: failures.attempts,
            failing_for_ms: (clock.now() - failures.since).as_millis() as u64,
            seed: clock.random(),
            params: Params::new(),
        });
        if let Some(fault) = &decision.fault {
            tracing::warn!(policy = %decision.policy.name, %fault, "the retry policy failed; the default backoff is used");
        }
        match decision.verdict {
            RetryVerdict::After { ms } => {
                tracing::debug!(%error, attempt = failures.attempts, wait_ms = ms, "trying again");
                self.say(format!(
                    "attempt {} failed: {error}; next in {ms} ms",
                    failures.attempts
                ));
                clock.sleep(Duration::from_millis(ms)).await;
                self.say("");
                Ok(())
            }
            RetryVerdict::GiveUp { reason } => {
                let policy = &decision.policy.name;
                let attempts = failures.attempts;
                Err(error
                    .context(format_args!(
                        "the retry policy {policy} gave up after {attempts} attempts ({reason})"
                    ))
                    .into_kind(crate::ErrorKind::GivenUp))
            }
        }
    }
}

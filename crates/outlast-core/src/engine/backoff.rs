//! Waiting between attempts, as the retry policy decides.

use std::time::Duration;

use super::Run;
use crate::{
    error::{Error, Response, Result},
    failures::Failures,
    policy::RetryVerdict,
};

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
        let phase = self.view().phase;
        let decision = failures.judge(&**clock, &self.policies, &self.migration.id, phase, &error);
        match decision.verdict {
            RetryVerdict::After { ms } => {
                tracing::debug!(%error, attempt = failures.attempts(), wait_ms = ms, "trying again");
                let which = failures.described(&**clock);
                self.say(format!("{which} failed: {error}; next in {ms} ms"));
                clock.sleep(Duration::from_millis(ms)).await;
                self.say("");
                Ok(())
            }
            RetryVerdict::GiveUp { reason } => {
                let policy = &decision.policy.name;
                let attempts = failures.attempts();
                Err(error
                    .context(format_args!(
                        "the retry policy {policy} gave up after {attempts} attempts ({reason})"
                    ))
                    .into_kind(crate::ErrorKind::GivenUp))
            }
        }
    }
}

//! Changing the table without a copy, where the server can (invariant I8).

use futures_util::future::{Either, select};

use super::{Run, Services};
use crate::{
    error::{Error, ErrorKind, Result},
    failures::Failures,
    guard::Guard,
    intent::{Altered, Choice, Intent, IntentState},
    scheduler::{Ending, Lease, Migration, Path, Phase},
    stream::OpenStream,
};

/// The intent of a migration that needs no copy, `None` if it needs one. Found out and recorded, if it was not yet.
pub(super) async fn intent(
    services: &Services,
    migration: &Migration,
    lease: &Lease,
    stream: &dyn OpenStream,
) -> Result<Option<Intent>> {
    match migration.path {
        Some(Path::Copy) => return Ok(None),
        Some(path @ (Path::Instant | Path::InPlace)) => {
            let stored = services.scheduler.intent(&lease.server, &lease.migration).await?;
            let missing = || {
                Error::new(
                    ErrorKind::Inconsistent,
                    format!("the migration goes by path {path}, but its intent is not stored; nothing was changed"),
                )
            };
            return stored.map(Some).ok_or_else(missing);
        }
        None => {}
    }
    let copy = |reason: &str| Choice::Copy {
        reason: reason.to_owned(),
    };
    let choice = if stream.checkpoint().await?.is_some() {
        copy("its copy has begun")
    } else if migration.options.no_instant {
        copy("asked for by --no-instant")
    } else {
        services.scheduler.enter(lease, Phase::Preparing).await?;
        stream.propose().await?
    };
    if Guard::DirectIntent.holds() || matches!(choice, Choice::Copy { .. }) {
        services.scheduler.choose(lease, &choice).await?;
    }
    match choice {
        Choice::Direct(intent) => Ok(Some(intent)),
        Choice::Copy { .. } => Ok(None),
    }
}

impl Run {
    /// Carries out the intent when that is allowed. `None` if it turned out to need a copy, which is recorded then.
    pub(super) async fn change_directly(&self, intent: &Intent) -> Result<Option<Ending>> {
        self.heed_stops().await;
        let change = Box::pin(self.change(intent));
        let others = Box::pin(async {
            let first = Box::pin(self.attend()).await;
            // While the statement runs, whether it happened is open, and nothing may be concluded.
            let _turn = self.turn.lock().await;
            first.map(Some)
        });
        match select(change, others).await {
            Either::Left((ending, _)) | Either::Right((ending, _)) => ending,
        }
    }

    async fn change(&self, intent: &Intent) -> Result<Option<Ending>> {
        // An earlier owner may have done it without coming to report it.
        if self.stream.intent_state(intent).await? == IntentState::Done {
            return Ok(Some(Ending::Complete));
        }
        if !self.completion_requested() {
            self.enter(Phase::Ready).await?;
            self.until(|_| self.completion_requested().then_some(())).await;
        }
        self.until_not_stopped().await;
        self.enter(Phase::CuttingOver).await?;
        let mut failures = Failures::default();
        loop {
            self.until_not_stopped().await;
            let turn = self.turn.lock().await;
            match self.stream.alter(intent).await {
                // The turn is kept to the end: nobody concludes otherwise any more.
                Ok(Altered::Done) => return Ok(Some(Ending::Complete)),
                Ok(Altered::Impossible(reason)) => {
                    let copy = Choice::Copy { reason };
                    self.services.scheduler.choose(&self.lease, &copy).await?;
                    return Ok(None);
                }
                Err(error) => {
                    drop(turn);
                    self.wait_before_retry(&mut failures, error).await?;
                }
            }
        }
    }
}

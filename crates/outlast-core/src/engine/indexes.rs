//! Indexes that the shadow gets once all rows are in it.

use std::sync::atomic::Ordering;

use futures_util::future::{Either, select};

use super::Run;
use crate::{error::Result, failures::Failures};

impl Run {
    /// Has the server build the indexes that the shadow still lacks. As long as that takes, changed keys are collected and not applied;
    /// when very many wait, reading pauses.
    pub(super) async fn build_indexes(&self) -> Result<()> {
        let mut failures = Failures::default();
        loop {
            self.until_not_stopped().await;
            let built = {
                let _turn = self.turn.lock().await;
                let ending = Box::pin(self.until(|_| self.is_ending.load(Ordering::Relaxed).then_some(())));
                match select(ending, Box::pin(self.try_to_build())).await {
                    Either::Left(_) => None,
                    Either::Right((built, _)) => Some(built),
                }
            };
            match built {
                Some(Ok(())) => return Ok(()),
                Some(Err(error)) => self.wait_before_retry(&mut failures, error).await?,
                // Whoever ends the run waits for the turn, which is free now.
                None => return std::future::pending().await,
            }
        }
    }

    async fn try_to_build(&self) -> Result<()> {
        let missing = self.stream.missing_indexes().await?;
        if missing.is_empty() {
            return Ok(());
        }
        self.say(format!(
            "the server builds indexes of the new table ({}); changes wait until it has",
            missing.join(", ")
        ));
        self.stream.build_indexes().await?;
        self.say("");
        Ok(())
    }
}

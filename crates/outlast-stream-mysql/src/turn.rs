//! Long work in small pieces: all loops of a migration work in one task, and none of them is to keep the others waiting.

use std::time::{Duration, Instant};

/// How long the others wait, at most, but for the piece of work that is being done.
const LENGTH: Duration = Duration::from_millis(5);

/// A turn of work, which began when this was made.
pub(crate) struct Turn(Instant);

impl Turn {
    pub(crate) fn begin() -> Self {
        Self(Instant::now())
    }

    /// To be called between two pieces of work: lets the others work if the turn was long, and begins the next one.
    pub(crate) async fn give_others_theirs(&mut self) {
        if self.0.elapsed() > LENGTH {
            tokio::task::yield_now().await;
            *self = Self::begin();
        }
    }
}

//! A clock that moves only when told to.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use rand::{RngCore, SeedableRng, rngs::StdRng};
use tokio::time::Instant;

use crate::clock::Clock;

/// Tokio's paused time and a seeded source of randomness.
///
/// To be used in a `current_thread` runtime that started paused (`#[tokio::test(start_paused = true)]`): time then stands
/// still while any task can run, and jumps to the next sleeper when all of them wait. [`ManualClock::advance`] moves it
/// by hand.
pub struct ManualClock {
    start: Instant,
    random: Mutex<StdRng>,
}

impl ManualClock {
    /// A clock at zero. Its randomness, and with it the order of everything on a cluster that uses it, follows from `seed`.
    pub fn seeded(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            random: Mutex::new(StdRng::seed_from_u64(seed)),
        })
    }

    /// Lets `duration` pass, waking every sleeper whose time has come, in order.
    pub async fn advance(&self, duration: Duration) {
        tokio::time::advance(duration).await;
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn random(&self) -> u64 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).next_u64()
    }
}

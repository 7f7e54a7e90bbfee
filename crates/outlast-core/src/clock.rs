//! Time and chance, both handed in, so that a simulation controls them.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use rand::{RngCore, SeedableRng, rngs::StdRng};
use std::sync::{Arc, Mutex, PoisonError};

/// The only source of time and randomness that this crate uses.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Time since an arbitrary, fixed moment. Never goes back.
    fn now(&self) -> Duration;

    /// Returns once `duration` has passed. Dropping the future cancels the wait.
    async fn sleep(&self, duration: Duration);

    /// 64 random bits.
    fn random(&self) -> u64;
}

/// The machine's monotonic clock and the operating system's randomness.
pub struct SystemClock {
    start: Instant,
    random: Mutex<StdRng>,
}

impl SystemClock {
    /// A clock that starts at zero now.
    pub fn shared() -> Arc<dyn Clock> {
        Arc::new(Self {
            start: Instant::now(),
            random: Mutex::new(StdRng::from_os_rng()),
        })
    }
}

#[async_trait]
impl Clock for SystemClock {
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

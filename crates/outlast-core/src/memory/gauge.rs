//! A [`Gauge`] whose readings the clock decides.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    clock::Clock,
    error::Result,
    ids::Server,
    throttle::{Gauge, Limits, Pressure},
};

/// How long a reading stays.
const SPELL: Duration = Duration::from_secs(7);

/// A cluster that suffers now and then, and never for long: a third of the time at its limit or above.
pub struct MemoryGauge {
    clock: Arc<dyn Clock>,
    seed: u64,
}

impl MemoryGauge {
    /// The same seed suffers at the same times.
    pub fn new(clock: &Arc<dyn Clock>, seed: u64) -> Self {
        Self {
            clock: Arc::clone(clock),
            seed,
        }
    }
}

#[async_trait]
impl Gauge for MemoryGauge {
    async fn pressures(&self, _: &Server, limits: &Limits) -> Result<Vec<Pressure>> {
        if limits.max_lag_ms == Some(0) {
            return Ok(Vec::new());
        }
        let spell = (self.clock.now().as_secs() / SPELL.as_secs()).wrapping_add(self.seed);
        // Neighbours differ, and nothing else is asked of it.
        let mixed = spell.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let ratio = (mixed % 12) as f64 / 8.0;
        Ok(vec![Pressure {
            ratio,
            cause: "a replica lags".to_owned(),
            reason: format!("a replica lags at {ratio} of the limit"),
        }])
    }
}

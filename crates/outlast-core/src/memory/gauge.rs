//! A [`Gauge`] whose readings the clock decides.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    clock::Clock,
    error::Result,
    ids::Server,
    throttle::{Activity, Gauge, Limits, Pressure},
};

/// How long a reading stays.
const SPELL: Duration = Duration::from_secs(7);

/// A cluster that suffers now and then, and never for long: a third of the time at its limit or above. Its applications come and go,
/// and are slowed down or not.
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

    /// A number that stays for a spell.
    fn reading(&self) -> u64 {
        let spell = (self.clock.now().as_secs() / SPELL.as_secs()).wrapping_add(self.seed);
        // Neighbours differ, and nothing else is asked of it.
        spell.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
    }
}

#[async_trait]
impl Gauge for MemoryGauge {
    async fn pressures(&self, _: &Server, limits: &Limits) -> Result<Vec<Pressure>> {
        if limits.max_lag_ms == Some(0) {
            return Ok(Vec::new());
        }
        let ratio = (self.reading() % 12) as f64 / 8.0;
        Ok(vec![Pressure {
            ratio,
            cause: "a replica lags".to_owned(),
            reason: format!("a replica lags at {ratio} of the limit"),
        }])
    }

    async fn activity(&self, _: &Server, over: Duration) -> Result<Option<Activity>> {
        let begun = self.clock.now();
        self.clock.sleep(over).await;
        let reading = self.reading().wrapping_add(begun.subsec_millis().into());
        Ok(Some(Activity {
            per_second: (reading % 7 * 50) as f64,
            under_way: (reading % 5) as f64,
        }))
    }
}

//! Waiting for conditions instead of sleeping for luck.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::time::{Instant, sleep, timeout};

const INTERVAL: Duration = Duration::from_millis(50);

/// Repeats `probe` until it succeeds, every 50 ms; an error of the probe means "not yet" and says why.
///
/// # Errors
///
/// After `limit`: `what` should have happened, and the probe's last reason why it had not.
pub async fn eventually<T, F>(what: &str, limit: Duration, mut probe: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let deadline = Instant::now() + limit;
    let mut last = anyhow!("the first probe did not end");
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match timeout(left, probe()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(reason)) => last = reason,
            Err(_) => {}
        }
        if Instant::now() + INTERVAL >= deadline {
            return Err(last).with_context(|| format!("waited {limit:?} in vain: {what}"));
        }
        sleep(INTERVAL).await;
    }
}

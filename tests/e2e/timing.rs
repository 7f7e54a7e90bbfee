//! How long it takes from a promotion to adoption and to the first committed rows.
//!
//! All clocks are this machine's: the servers run on it.

use std::{
    io::Write,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use outlast_testbed::Node;

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis() as u64
}

/// Notes when a server begins to take writes.
pub(crate) struct PromotionWatch {
    seen: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl PromotionWatch {
    /// Begins to ask the server every few milliseconds.
    pub(crate) async fn start(node: &Node) -> Result<Self> {
        let mut conn = node.connect().await?;
        let seen = Arc::new(AtomicU64::new(0));
        let noted = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            use mysql_async::prelude::Queryable;
            loop {
                let writable: Result<Option<u8>, _> = conn.query_first("SELECT @@GLOBAL.read_only = 0").await;
                match writable {
                    Ok(Some(1)) => return noted.store(now_ms(), Ordering::SeqCst),
                    Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                    Err(_) => return,
                }
            }
        });
        Ok(Self { seen, task })
    }

    /// When it began, in milliseconds since 1970.
    pub(crate) async fn promoted_at(self) -> Result<u64> {
        tokio::time::timeout(Duration::from_secs(60), self.task)
            .await
            .context("the server was never promoted")??;
        let at = self.seen.load(Ordering::SeqCst);
        anyhow::ensure!(at > 0, "the server was lost before it was promoted");
        Ok(at)
    }
}

/// One line of the table that `cargo xtask e2e` prints at the end.
pub(crate) fn record(scenario: &str, what: &str, adoption_ms: i64, progress_ms: i64) -> Result<()> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/e2e");
    std::fs::create_dir_all(&path)?;
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path.join("times.jsonl"))?;
    let line = serde_json::json!({
        "scenario": scenario, "failover": what, "adoption_ms": adoption_ms, "progress_ms": progress_ms
    });
    writeln!(file, "{line}").context("writing times")
}

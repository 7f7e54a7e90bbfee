//! Looks at all servers all the time: on none may the stored position be ahead of what it has executed.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use outlast_testbed::{Cluster, Node};
use tokio::{task::JoinHandle, time::timeout};

/// A frozen server is looked at another time.
const LOOK_LIMIT: Duration = Duration::from_secs(4);
const INTERVAL: Duration = Duration::from_millis(600);
/// Rows become visible a moment before their GTIDs count as executed, and a replica commits several transactions at once.
const SOON_SECONDS: u64 = 2;

/// A look at all servers, again and again.
pub(crate) struct Watch {
    task: JoinHandle<()>,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    looks: AtomicU64,
    violations: Mutex<Vec<String>>,
}

impl Watch {
    pub(crate) fn start(cluster: Arc<Cluster>, id: &str) -> Self {
        let seen = Arc::new(Seen::default());
        let task = tokio::spawn(look_again_and_again(cluster, id.to_owned(), Arc::clone(&seen)));
        Self { task, seen }
    }

    /// Ends it. How often a server's position was compared, and what was wrong.
    pub(crate) async fn stop(self) -> Result<(u64, Vec<String>)> {
        self.seen.stop.store(true, Ordering::Relaxed);
        self.task.await?;
        let violations = self.seen.violations.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((self.seen.looks.load(Ordering::Relaxed), violations.clone()))
    }
}

async fn look_again_and_again(cluster: Arc<Cluster>, id: String, seen: Arc<Seen>) {
    while !seen.stop.load(Ordering::Relaxed) {
        for node in cluster.nodes().iter().filter(|node| node.is_running()) {
            // A server that is killed or frozen meanwhile says nothing.
            if let Ok(Ok(Some(violation))) = timeout(LOOK_LIMIT, look(node, &id, &seen)).await {
                seen.violations
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(violation);
            }
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn look(node: &Node, id: &str, seen: &Seen) -> Result<Option<String>> {
    let positions: Vec<String> = node
        .query(&format!(
            "SELECT position FROM _outlast.positions WHERE migration = '{id}'"
        ))
        .await?;
    for position in positions {
        let missing: u8 = node
            .query_one(&format!(
                "SELECT WAIT_FOR_EXECUTED_GTID_SET('{position}', {SOON_SECONDS})"
            ))
            .await?;
        seen.looks.fetch_add(1, Ordering::Relaxed);
        if missing != 0 {
            return Ok(Some(format!(
                "the position on node {} is ahead of what it has executed: {position} against {}",
                node.index(),
                node.gtid_executed().await?
            )));
        }
    }
    Ok(None)
}

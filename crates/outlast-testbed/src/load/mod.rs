//! An application that writes all the time, follows the primary, and remembers what it was promised.

mod ledger;
mod plan;
mod report;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::accounts::ROOT_USER;
use crate::node::{connect, hang_up, options};
use crate::table::TableName;

pub use ledger::{LostWrite, RowState};
pub use report::{LoadReport, ServerErrors, Stall, Verification};
use writer::{Writer, WriterOutcome};

/// How a [`WriteLoad`] writes.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// How many connections write at the same time, each to rows of its own.
    pub writers: usize,
    /// Transactions per second of all writers together; without it, each starts the next when the last has ended.
    pub transactions_per_second: Option<f64>,
    /// Decides what is written. Concurrency and failovers still make each run different.
    pub seed: u64,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            writers: 4,
            transactions_per_second: None,
            seed: 1,
        }
    }
}

/// Writers on a table made by [`create_and_fill`](crate::create_and_fill): inserts, updates, deletes, changes of the primary
/// key, swaps of unique values, re-use of deleted keys, transactions of several rows, rollbacks and savepoints.
///
/// Each row is written by one writer only, so that the writer knows what must be in it. All statements name their columns:
/// they go on working when a migration adds some. Dropping it stops the writers at once.
#[derive(Debug)]
pub struct WriteLoad {
    table: TableName,
    started: Instant,
    stop: watch::Sender<bool>,
    acknowledged: Arc<AtomicU64>,
    writers: Vec<JoinHandle<WriterOutcome>>,
}

impl WriteLoad {
    /// Starts writing to `table` on the server that `primary` (a watch of `host:port`) names, as root.
    ///
    /// # Errors
    ///
    /// When the primary isn't reachable now, or has no such table.
    pub async fn start(primary: watch::Receiver<String>, table: &TableName, load: LoadOptions) -> Result<Self> {
        ensure!(load.writers > 0, "a load needs at least one writer");
        let address = primary.borrow().clone();
        let mut conn = connect(server_options(&address)?)
            .await
            .with_context(|| format!("connecting to {address}"))?;
        let filled: Option<u64> = conn
            .query_first(format!("SELECT COALESCE(MAX(id), 0) FROM {table}"))
            .await?;
        hang_up(conn).await;
        let started = Instant::now();
        let stop = watch::Sender::new(false);
        let acknowledged = Arc::new(AtomicU64::new(0));
        // Versions of a later load on the same table are higher, and its values different.
        let first_version = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?;
        let writers = (0..load.writers)
            .map(|number| {
                let writer = Writer::new(writer::Settings {
                    number,
                    writers: load.writers,
                    table: table.clone(),
                    filled: filled.unwrap_or(0),
                    first_version,
                    seed: load.seed,
                    interval: load
                        .transactions_per_second
                        .map(|rate| Duration::from_secs_f64(load.writers as f64 / rate)),
                    started,
                    primary: primary.clone(),
                    stop: stop.subscribe(),
                    acknowledged: Arc::clone(&acknowledged),
                });
                tokio::spawn(writer.run())
            })
            .collect();
        Ok(Self {
            table: table.clone(),
            started,
            stop,
            acknowledged,
            writers,
        })
    }

    /// How many transactions were acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Waits until `more` transactions have been acknowledged from now on.
    ///
    /// # Errors
    ///
    /// When that takes longer than `limit`.
    pub async fn wait_for_progress(&self, more: u64, limit: Duration) -> Result<()> {
        let goal = self.acknowledged() + more;
        crate::eventually(&format!("{more} more transactions are acknowledged"), limit, || async {
            let now = self.acknowledged();
            ensure!(now >= goal, "{} are missing", goal - now);
            Ok(())
        })
        .await
    }

    /// Ends the writers after their present transactions (within seconds even if the server is gone).
    ///
    /// # Errors
    ///
    /// When a writer panicked.
    pub async fn stop(mut self) -> Result<LoadReport> {
        self.stop.send_replace(true);
        let mut outcomes = Vec::new();
        for writer in std::mem::take(&mut self.writers) {
            outcomes.push(writer.await.context("a writer panicked")?);
        }
        Ok(LoadReport::new(self.table.clone(), self.started.elapsed(), outcomes))
    }
}

impl Drop for WriteLoad {
    fn drop(&mut self) {
        for writer in &self.writers {
            writer.abort();
        }
    }
}

fn server_options(address: &str) -> Result<mysql_async::Opts> {
    let (host, port) = address
        .rsplit_once(':')
        .with_context(|| format!("{address} is not host:port"))?;
    let port = port.parse().with_context(|| format!("{address} has no port"))?;
    Ok(options(host, port, ROOT_USER, ""))
}

//! The servers of a part, and the table that is migrated on them.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use outlast_testbed::{Cluster, Node, Topology, eventually};

use crate::{
    figures::grouped,
    stage::Stage,
    usage::{Usage, of_process},
};

/// The table that is migrated; each time it is a new copy of [`BASE`].
pub(crate) const TABLE: &str = "test.t";
const BASE: &str = "test.base";
/// What a migration does to it. MySQL could add the column at once; it is the copy that is measured.
pub(crate) const CHANGES: &str = "ADD COLUMN note VARCHAR(40) NOT NULL DEFAULT 'x', ENGINE=InnoDB";

const FILL_BATCH: u64 = 50_000;
/// Rows of a transaction that copies in two sessions.
const CHUNK: u64 = 10_000;
/// Modified pages and old row versions that a server at rest may still have.
const AT_REST: u64 = 100;
const SETTLE_LIMIT: Duration = Duration::from_secs(120);
const CATCH_UP_LIMIT: Duration = Duration::from_secs(900);

/// Fresh servers. They are gone when it is dropped.
pub(crate) struct Bed {
    pub(crate) cluster: Cluster,
}

impl Bed {
    pub(crate) async fn start(stage: &Stage, topology: Topology) -> Result<Self> {
        let nodes = topology.nodes();
        stage.say(&format!(
            "starting {nodes} MySQL {} on the real disk",
            stage.distribution.version()
        ));
        let temporary = stage.folder.join("tmp");
        fs::create_dir_all(&temporary).with_context(|| format!("creating {}", temporary.display()))?;
        let cluster = Cluster::builder(topology)
            .distribution(stage.distribution.clone())
            .folder(&stage.folder)
            // Large transactions and index builds put a part of themselves there, and it may be memory elsewhere.
            .argument(format!("--tmpdir={}", temporary.display()))
            .start()
            .await
            .context("starting the servers")?;
        let (sync, flush): (u64, u64) = cluster
            .primary()
            .query_one("SELECT @@sync_binlog, @@innodb_flush_log_at_trx_commit")
            .await?;
        ensure!(
            (sync, flush) == (1, 1),
            "durability is lowered: sync_binlog={sync}, innodb_flush_log_at_trx_commit={flush}"
        );
        Ok(Self { cluster })
    }

    pub(crate) fn primary(&self) -> &Node {
        self.cluster.primary()
    }

    /// Makes the table that all others are copies of, as sysbench fills it.
    pub(crate) async fn fill(&self, stage: &Stage, rows: u64) -> Result<()> {
        stage.say(&format!("filling a table with {} rows", grouped(rows)));
        let mut conn = self.primary().connect().await?;
        conn.query_drop(format!("DROP TABLE IF EXISTS {BASE}")).await?;
        conn.query_drop(format!(
            "CREATE TABLE {BASE} (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL DEFAULT 0, \
             c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '', KEY k_1 (k))"
        ))
        .await?;
        conn.query_drop(format!("SET SESSION cte_max_recursion_depth = {FILL_BATCH}"))
            .await?;
        let (c, pad) = (random_digits(10), random_digits(5));
        for first in (1..=rows).step_by(usize::try_from(FILL_BATCH)?) {
            let last = rows.min(first + FILL_BATCH - 1);
            conn.query_drop(format!(
                "INSERT INTO {BASE} (id, k, c, pad) \
                 WITH RECURSIVE numbers (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) \
                 SELECT n, 1 + FLOOR(RAND() * {rows}), {c}, {pad} FROM numbers"
            ))
            .await
            .context("filling the table")?;
        }
        Ok(())
    }

    /// Makes the table to migrate anew, by one plain INSERT … SELECT; returns how long that took, the least a copy can take
    /// in one session. Afterwards the servers are at rest.
    pub(crate) async fn fresh_table(&self) -> Result<Duration> {
        let took = self.copy_base(TABLE).await?;
        self.settle().await?;
        Ok(took)
    }

    /// Makes `table` a copy of the one that was filled.
    pub(crate) async fn copy_base(&self, table: &str) -> Result<Duration> {
        let mut conn = self.primary().connect().await?;
        conn.query_drop(format!("DROP TABLE IF EXISTS {table}")).await?;
        conn.query_drop(format!("CREATE TABLE {table} LIKE {BASE}")).await?;
        conn.query_drop("SET SESSION transaction_isolation = 'READ-COMMITTED'")
            .await?;
        self.settle().await?;
        let begun = Instant::now();
        conn.query_drop(format!("INSERT INTO {table} SELECT * FROM {BASE}"))
            .await
            .with_context(|| format!("copying {BASE} to {table}"))?;
        Ok(begun.elapsed())
    }

    /// Fills an empty copy of the table in two sessions, by plain INSERT … SELECT of the ranges that a migration would take, and nothing
    /// beside; returns how long that took: with this machine's two cores, the least a copy by statements can take.
    pub(crate) async fn copy_in_two_sessions(&self, rows: u64) -> Result<Duration> {
        let copy = "test.copy";
        let mut conn = self.primary().connect().await?;
        conn.query_drop(format!("CREATE TABLE {copy} LIKE {TABLE}")).await?;
        conn.query_drop(format!("ALTER TABLE {copy} {CHANGES}")).await?;
        let session = async |first: u64| {
            let mut conn = self.primary().connect().await?;
            conn.query_drop("SET SESSION transaction_isolation = 'READ-COMMITTED'")
                .await?;
            for chunk in (first..rows.div_ceil(CHUNK)).step_by(2) {
                let (after, upto) = (chunk * CHUNK, (chunk + 1) * CHUNK);
                conn.query_drop(format!(
                    "INSERT INTO {copy} (id, k, c, pad) SELECT id, k, c, pad FROM {TABLE} WHERE id > {after} AND id <= {upto}"
                ))
                .await?;
            }
            anyhow::Ok(())
        };
        let begun = Instant::now();
        tokio::try_join!(session(0), session(1))?;
        let took = begun.elapsed();
        conn.query_drop(format!("DROP TABLE {copy}")).await?;
        Ok(took)
    }

    /// Executes MySQL's own ALTER on the table; returns how long it took.
    pub(crate) async fn alter(&self, how: &str) -> Result<Duration> {
        let mut conn = self.primary().connect().await?;
        let statement = format!("ALTER TABLE {TABLE} {CHANGES}, {how}");
        let begun = Instant::now();
        conn.query_drop(&statement).await.with_context(|| statement.clone())?;
        Ok(begun.elapsed())
    }

    /// Lets the servers finish what earlier measurements left them to do: replicas catch up, modified pages are written, old
    /// row versions are purged. Binlogs go, for the disk would be full of them.
    pub(crate) async fn settle(&self) -> Result<()> {
        for index in self.cluster.replicas() {
            self.cluster
                .wait_for_catch_up(index, CATCH_UP_LIMIT)
                .await
                .context("a replica lags")?;
        }
        for node in self.cluster.nodes().iter().filter(|node| node.is_running()) {
            let settled = rest(node).await;
            settled.with_context(|| format!("node {} does not come to rest", node.index()))?;
        }
        Ok(())
    }

    /// What the primary has used so far.
    pub(crate) fn server_usage(&self) -> Result<Usage> {
        let process = self.primary().process_id().context("the primary doesn't run")?;
        of_process(process).context("the primary's usage can't be read")
    }
}

async fn rest(node: &Node) -> Result<()> {
    let mut conn = node.connect().await?;
    let before: Option<(f64, f64, u64)> = conn
        .query_first(
            "SELECT @@GLOBAL.innodb_max_dirty_pages_pct, @@GLOBAL.innodb_max_dirty_pages_pct_lwm, \
             @@GLOBAL.innodb_purge_rseg_truncate_frequency",
        )
        .await?;
    let (most, low, truncate) = before.context("no row")?;
    // An idle server would write no page, and count what it has purged once a minute.
    conn.query_drop(
        "SET GLOBAL innodb_max_dirty_pages_pct_lwm = 0, GLOBAL innodb_max_dirty_pages_pct = 0, \
         GLOBAL innodb_purge_rseg_truncate_frequency = 1",
    )
    .await?;
    let outcome = eventually("pages are written and old versions purged", SETTLE_LIMIT, || async {
        let (pages, versions): (u64, u64) = node
            .query_one(
                "SELECT CAST((SELECT VARIABLE_VALUE FROM performance_schema.global_status \
                 WHERE VARIABLE_NAME = 'Innodb_buffer_pool_pages_dirty') AS UNSIGNED), \
                 (SELECT COUNT FROM information_schema.INNODB_METRICS WHERE NAME = 'trx_rseg_history_len')",
            )
            .await?;
        ensure!(
            pages.max(versions) <= AT_REST,
            "{pages} modified pages, {versions} transactions to purge"
        );
        Ok(())
    })
    .await;
    conn.query_drop(format!(
        "SET GLOBAL innodb_max_dirty_pages_pct = {most}, GLOBAL innodb_max_dirty_pages_pct_lwm = {low}, \
         GLOBAL innodb_purge_rseg_truncate_frequency = {truncate}"
    ))
    .await?;
    outcome?;
    // No migration runs, and replicas have all of it.
    conn.query_drop("FLUSH BINARY LOGS").await?;
    conn.query_drop("PURGE BINARY LOGS BEFORE NOW()").await?;
    Ok(())
}

/// An expression for groups of 11 random digits.
fn random_digits(groups: usize) -> String {
    let group = "LPAD(FLOOR(RAND() * 100000000000), 11, '0')";
    format!("CONCAT_WS('-', {})", vec![group; groups].join(", "))
}

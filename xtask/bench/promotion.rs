//! From a promotion to the first committed rows of a migration, against a client that only wants to write one row.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use mysql_async::{Conn, Opts, prelude::Queryable};
use outlast_testbed::{Node, RelayLog, Topology, accounts, eventually};
use tokio::time::timeout;

use crate::{
    bars,
    bed::Bed,
    figures::ratios,
    outlast::{Outlast, wait_for},
    report::{Part, Unit},
    stage::Stage,
};

/// Enough for a copy that is slowed down; nothing here depends on the size.
const MOST_ROWS: u64 = 200_000;
const PACE: [&str; 6] = ["--chunk-rows", "500", "--chunk-pause", "50ms", "--lanes", "2"];
/// Copied before the primary is killed.
const CHUNKS: u64 = 5;
const LIMIT: Duration = Duration::from_secs(120);
/// Between two rounds of the plain client over all servers, and of the one that looks whether a server takes writes.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
const LOOK_INTERVAL: Duration = Duration::from_millis(1);
/// How long the plain client waits for a server that doesn't answer.
const CLIENT_LIMIT: Duration = Duration::from_secs(1);

/// After the promotion, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Times {
    adopted: f64,
    progress: f64,
    plain_client: f64,
}

/// Measures one promotion a run, each on a cluster of its own.
pub(crate) async fn measure(stage: &Stage, part: &mut Part) -> Result<()> {
    let mut all = Vec::new();
    let mut outcome = Ok(());
    for run in 1..=stage.runs() {
        match promote(stage, run).await {
            Ok(times) => {
                stage.say(&format!(
                    "promotion, run {run} of {}: adopted after {:.0} ms, rows committed after {:.0} ms, plain client {:.0} ms",
                    stage.runs(),
                    times.adopted,
                    times.progress,
                    times.plain_client
                ));
                all.push(times);
            }
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    let each = |of: fn(&Times) -> f64| all.iter().map(of).collect::<Vec<f64>>();
    let (progress, client) = (each(|times| times.progress), each(|times| times.plain_client));
    part.median(
        "first committed rows, of a plain client's first write",
        Unit::Ratio,
        &ratios(&progress, &client),
    )
    .bar(bars::FIRST_PROGRESS);
    part.median("promotion to first committed rows", Unit::Milliseconds, &progress);
    part.median(
        "promotion to adoption",
        Unit::Milliseconds,
        &each(|times| times.adopted),
    );
    part.median("promotion to the plain client's write", Unit::Milliseconds, &client);
    part.remark(format!(
        "kill -9 of a semi-synchronous primary in mid-copy. From that moment on the plain client goes round all servers, with a pause of \
         {POLL_INTERVAL:?}, until one takes its INSERT; times count from when the promoted server takes writes"
    ));
    outcome
}

async fn promote(stage: &Stage, run: usize) -> Result<Times> {
    let bed = Bed::start(stage, Topology::SemiSync { nodes: 3 }).await?;
    let outlast = Outlast::new(stage, &bed);
    bed.fill(stage, MOST_ROWS.min(stage.rows())).await?;
    bed.fresh_table().await?;
    bed.primary()
        .execute("CREATE TABLE test.plain_client (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY)")
        .await?;
    let _agent = outlast.start_agent(&format!("promotion-{run}"))?;
    let id = outlast.submit(&PACE).await?;
    wait_for(bed.primary(), &id, "copying", LIMIT, |state| state.phase == "copying").await?;
    let chunks = format!("SELECT COUNT(*) FROM _outlast.copied_ranges WHERE migration = '{id}'");
    eventually("chunks are copied", LIMIT, || async {
        let count: u64 = bed.primary().query_one(&chunks).await?;
        ensure!(count >= CHUNKS, "{count} chunks");
        Ok(())
    })
    .await?;

    let servers: Vec<Opts> = bed
        .cluster
        .nodes()
        .iter()
        .map(|node| node.opts_of(accounts::OUTLAST_USER, accounts::OUTLAST_PASSWORD))
        .collect();
    bed.primary().kill9();
    let client = tokio::spawn(async move { timeout(LIMIT, first_write(&servers)).await });
    let to = bed.cluster.best_candidate().await?;
    let next = bed.cluster.node(to);
    let (done, promoted) = tokio::join!(bed.cluster.promote(to, RelayLog::AppliedFirst), writable_at(next));
    done.context("promoting")?;
    let promoted = promoted?;

    let adopted = first_event(next, &id, "adopted").await?;
    let progress = first_event(next, &id, "progress").await?;
    let written = client
        .await
        .context("the plain client panicked")?
        .context("the plain client has written nothing")?;
    // It can write a moment before this is noticed.
    let since = |at: u64| (at.saturating_sub(promoted).max(1_000)) as f64 / 1e3;
    Ok(Times {
        adopted: since(adopted),
        progress: since(progress),
        plain_client: since(written),
    })
}

/// Tries one server after the other until a write is committed; returns when.
async fn first_write(servers: &[Opts]) -> u64 {
    loop {
        for server in servers {
            if let Ok(Ok(())) = timeout(CLIENT_LIMIT, write(server.clone())).await {
                return now_micros();
            }
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn write(server: Opts) -> Result<(), mysql_async::Error> {
    let mut conn = Conn::new(server).await?;
    conn.query_drop("INSERT INTO test.plain_client () VALUES ()").await
}

/// When a server begins to take writes.
async fn writable_at(node: &Node) -> Result<u64> {
    let mut conn = node.connect().await?;
    let looking = async {
        loop {
            let is_writable: Option<bool> = conn.query_first("SELECT @@GLOBAL.read_only = 0").await?;
            if is_writable == Some(true) {
                return Ok(now_micros());
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    timeout(LIMIT, looking).await.context("it was not promoted")?
}

/// When this server wrote the first event of a kind about a migration.
async fn first_event(node: &Node, id: &str, kind: &str) -> Result<u64> {
    let sql = format!(
        "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', at) FROM _outlast.events \
         WHERE migration = '{id}' AND kind = '{kind}' AND server_uuid = @@server_uuid ORDER BY id LIMIT 1"
    );
    eventually(&format!("event {kind}"), LIMIT, || node.query_one(&sql)).await
}

/// Microseconds since 1970, by the clock that the servers share.
fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

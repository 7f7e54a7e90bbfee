//! gh-ost's spelling of common flags does what it does there: nothing without `--execute`, and the change with it.

use anyhow::{Context, Result, ensure};
use outlast_testbed::{Cluster, Topology};

use crate::outlast;

#[tokio::test]
async fn a_command_line_of_gh_ost_changes_the_table_once_it_says_execute() -> Result<()> {
    let cluster = Cluster::start(Topology::Single).await?;
    let primary = cluster.primary();
    for sql in [
        "CREATE TABLE test.orders (id INT PRIMARY KEY, v INT)",
        "INSERT INTO test.orders VALUES (1, 1), (2, 2)",
    ] {
        primary.execute(sql).await?;
    }
    let address = primary.address();
    let (host, port) = address.rsplit_once(':').context("no port")?;
    let (host, port) = (format!("--host={host}"), format!("--port={port}"));
    // The address counts, not what is in the environment.
    let elsewhere = ["192.0.2.1:3306".to_owned()];
    let line = [
        "run",
        &host,
        &port,
        "--database=test",
        "--table=orders",
        "--alter=ADD COLUMN note INT",
        "--chunk-size=1000",
        "--max-lag-millis=1500",
        "--max-load=Threads_running=25",
        "--throttle-flag-file=/nowhere/stop",
        "--no-instant",
    ];
    let columns =
        "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'test' AND TABLE_NAME = 'orders'";
    let rehearsed = outlast::output(&elsewhere, &line).await?;
    let said = String::from_utf8_lossy(&rehearsed.stderr).into_owned();
    ensure!(rehearsed.status.success() && said.contains("--execute"), "{said}");
    ensure!(
        primary.query_one::<u64>(columns).await? == 2,
        "it was changed without --execute"
    );
    let limits: Vec<String> = primary.query("SHOW DATABASES LIKE '\\_outlast%'").await?;
    ensure!(limits.is_empty(), "it left {limits:?}");

    outlast::succeed(&elsewhere, &[&line[..], &["--execute"]].concat()).await?;
    ensure!(primary.query_one::<u64>(columns).await? == 3, "it was not changed");
    let options: String = primary
        .query_one("SELECT CAST(options AS CHAR) FROM _outlast.migrations")
        .await?;
    for expected in [
        "\"max_lag_ms\": 1500",
        "\"max_threads_running\": 25",
        "\"chunk_rows\": 1000",
        "/nowhere/stop",
    ] {
        ensure!(options.contains(expected), "{expected} is not in {options}");
    }

    let refused = outlast::output(&elsewhere, &[&["submit"], &line[1..]].concat()).await?;
    ensure!(refused.status.code() == Some(2), "a rehearsal was queued");
    Ok(())
}

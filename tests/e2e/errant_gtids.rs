//! Transactions that only the promoted server has, or whose binlogs are gone: the migration ends equal to that server's source, or
//! fails saying which transactions are missing, and where.

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use outlast_testbed::{Node, RelayLog, Topology};

use crate::{
    outlast,
    scene::{PATIENCE, Scene, Setup},
};

/// Executes statements on a replica, as somebody does who forgets that it is one.
async fn write_astray(replica: &Node, statements: &[&str]) -> Result<()> {
    let mut conn = replica.connect().await?;
    conn.query_drop("SET GLOBAL super_read_only = OFF").await?;
    for statement in statements {
        conn.query_drop(*statement)
            .await
            .with_context(|| (*statement).to_owned())?;
    }
    conn.query_drop("SET GLOBAL super_read_only = ON").await?;
    Ok(())
}

/// Removes all binlogs but the one that is written next.
async fn purge(node: &Node) -> Result<()> {
    node.execute("FLUSH BINARY LOGS").await?;
    let logs: Vec<mysql_async::Row> = node.query("SHOW BINARY LOGS").await?;
    let last: String = logs.last().and_then(|log| log.get(0)).context("no binlog")?;
    node.execute(&format!("PURGE BINARY LOGS TO '{last}'")).await
}

/// The transactions that a server has of its own.
async fn own(node: &Node) -> Result<String> {
    let (uuid, executed) = (node.server_uuid().await?, node.gtid_executed().await?);
    let own = executed.split(',').map(str::trim).find(|set| set.starts_with(&uuid));
    own.map(str::to_owned).context("it has none of its own")
}

/// What a dry run warns of.
async fn warnings(scene: &Scene) -> Result<String> {
    let dry_run = [
        "run",
        "--dry-run",
        "--no-instant",
        "ALTER TABLE test.customers ADD note INT",
    ];
    let output = outlast::output(scene.servers(), &dry_run).await?;
    ensure!(output.status.success(), "{output:?}");
    Ok(String::from_utf8(output.stderr)?)
}

fn expect_words(text: &str, words: &[&str]) -> Result<()> {
    for word in words {
        ensure!(text.contains(word), "{word:?} is not in: {text}");
    }
    Ok(())
}

/// Rows that somebody changed on the replica only, before the migration and in the midst of it: promoted, they are its truth.
#[tokio::test]
async fn rows_that_only_the_promoted_server_has_are_in_the_new_table() -> Result<()> {
    let setup = Setup {
        topology: Topology::AsyncGtid { nodes: 2 },
        // The application would meet the rows that differ, and replication would stop.
        transactions_per_second: 1.0,
        ..Setup::default()
    };
    let mut scene = Scene::stage("errant_rows", &setup).await?;
    scene.stop_load().await?;
    scene.wait_until_replicated(1).await?;
    write_astray(
        scene.cluster.node(1),
        &[
            "UPDATE test.customers SET payload = 'before', amount = -1 WHERE id IN (3, 19000)",
            "DELETE FROM test.customers WHERE id IN (4, 19001)",
            "INSERT INTO test.customers (id, writer, version, email) VALUES (90000000, 0, 0, 'before'), (0x7FFFFFFFFFFFFFFF, 0, 0, 'x')",
            "CREATE DATABASE astray",
        ],
    )
    .await?;
    let said = warnings(&scene).await?;
    let errant = own(scene.cluster.node(1)).await?;
    expect_words(&said, &[&errant, &scene.cluster.node(1).address(), "keep those until"])?;
    scene.start_agent("agent-0", &[])?;
    scene.submit(&["--chunk-rows", "200", "--chunk-pause", "50ms"]).await?;
    scene.wait_for_mid_copy().await?;
    let said = warnings(&scene).await?;
    ensure!(
        !said.contains("report_host"),
        "the reader of the binlog is taken for a replica: {said}"
    );
    write_astray(
        scene.cluster.node(1),
        &[
            "UPDATE test.customers SET payload = 'during', amount = -2 WHERE id IN (5, 19002)",
            "DELETE FROM test.customers WHERE id IN (6, 19003)",
            "INSERT INTO test.customers (id, writer, version, email) VALUES (90000001, 0, 0, 'during')",
        ],
    )
    .await?;
    scene.crash(1, RelayLog::AppliedFirst).await?;
    scene.start_load().await?;
    let (primary, changed) = (
        scene.cluster.primary().address(),
        "writer = 0 AND (email IN ('before', 'during') OR amount < 0)",
    );
    ensure!(
        primary == scene.cluster.node(1).address(),
        "another server was promoted"
    );
    let rows: u64 = scene
        .cluster
        .primary()
        .query_one(&format!("SELECT COUNT(*) FROM test.customers WHERE {changed}"))
        .await?;
    ensure!(rows == 6, "{rows} rows are those of the promoted server alone");
    scene.finish().await
}

/// What transactions changed whose binlogs are gone, nobody can tell, whenever they were executed: the new table could silently have
/// other rows than the source. Declared as done everywhere, they are no obstacle.
#[tokio::test]
async fn errant_transactions_whose_binlogs_are_purged_are_told_before_and_never_passed_over() -> Result<()> {
    let setup = Setup {
        topology: Topology::AsyncGtid { nodes: 2 },
        transactions_per_second: 20.0,
        ..Setup::default()
    };
    let mut scene = Scene::stage("errant_purged", &setup).await?;
    let replica = scene.cluster.node(1);
    scene.wait_until_replicated(1).await?;
    write_astray(
        replica,
        &["CREATE DATABASE astray", "CREATE TABLE astray.t (id INT PRIMARY KEY)"],
    )
    .await?;
    purge(replica).await?;
    let harmless = own(replica).await?;
    let said = warnings(&scene).await?;
    expect_words(
        &said,
        &[&format!("purged ({harmless})"), &replica.address(), "SET gtid_next"],
    )?;
    // They are declared as done, as the warning says.
    let mut primary = scene.cluster.primary().connect().await?;
    let uuid = replica.server_uuid().await?;
    for number in 1..=2 {
        for sql in [&format!("SET gtid_next = '{uuid}:{number}'"), "BEGIN", "COMMIT"] {
            primary.query_drop(sql).await?;
        }
    }
    drop(primary);
    let said = warnings(&scene).await?;
    ensure!(said.is_empty(), "there is nothing left to warn of: {said}");
    // Before the migration, one that changes the table.
    write_astray(
        replica,
        &["UPDATE test.customers SET amount = -1 WHERE writer = 0 AND id < 100"],
    )
    .await?;
    purge(replica).await?;
    scene.start_agent("agent-0", &[])?;
    scene.submit(&["--chunk-rows", "200", "--chunk-pause", "50ms"]).await?;
    scene.wait_for_mid_copy().await?;
    scene.stop_load().await?;
    scene.wait_until_replicated(1).await?;
    scene.cluster.primary().kill9();
    scene.cluster.promote(1, RelayLog::AppliedFirst).await?;
    let promoted = scene.cluster.node(1).address();
    scene
        .expect_failure(&[
            &format!("{uuid}:3. They are its own"),
            &promoted,
            "table is untouched",
            "submit it anew",
        ])
        .await?;
    // As the message says.
    scene.command(&["cleanup"]).await?;
    scene.submit(&[]).await?;
    scene.start_load().await?;
    scene.finish().await
}

/// The binlogs since the checkpoint are gone on the promoted server. Another one has them: promoted, it goes on from the checkpoint.
#[tokio::test]
async fn binlogs_purged_behind_the_migration_are_named_and_a_server_that_has_them_goes_on() -> Result<()> {
    let mut scene = Scene::start("purged_behind", Setup::default()).await?;
    scene.wait_for_mid_copy().await?;
    scene.kill_agent("agent-0").await?;
    let load = scene.load.as_ref().context("no load")?;
    load.wait_for_progress(100, PATIENCE).await?;
    for replica in [1, 2] {
        scene.wait_until_replicated(replica).await?;
    }
    purge(scene.cluster.node(1)).await?;
    let old = scene.cluster.primary().server_uuid().await?;
    scene.cluster.primary().kill9();
    scene.cluster.promote(1, RelayLog::AppliedFirst).await?;
    scene.start_agent("agent-0", &[])?;
    let promoted = scene.cluster.node(1).address();
    scene
        .expect_failure(&[
            &format!("{old}:"),
            &promoted,
            "They came from other servers",
            "`outlast retry`",
        ])
        .await?;
    let copied = scene.copied_rows().await?;
    ensure!(copied > 0, "the copied rows are gone");
    scene.cluster.switchover(2).await?;
    scene.command(&["retry"]).await?;
    scene.wait_for_phase("ready").await?;
    scene.finish().await
}

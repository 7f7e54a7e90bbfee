//! What administrators do to a server in the middle of a migration: settings don't change what is copied, and a reset of the
//! binlogs ends the migration instead of losing rows.

use anyhow::Result;
use mysql_async::prelude::Queryable;
use outlast_testbed::Topology;

use crate::scene::{Scene, Setup};

fn one_server() -> Setup {
    Setup {
        topology: Topology::AsyncGtid { nodes: 1 },
        ..Setup::quick_copy()
    }
}

const RESET: &str = "RESET BINARY LOGS AND GTIDS";

/// The numbers begin with 1 again, for other transactions.
#[tokio::test]
async fn binlogs_that_are_reset_end_the_migration_and_lose_no_row() -> Result<()> {
    let scene = Scene::start("reset_running", one_server()).await?;
    scene.wait_for_phase("ready").await?;
    scene.cluster.primary().execute(RESET).await?;
    scene
        .expect_failure(&["somebody has reset its binlogs and GTIDs", "submit it anew"])
        .await
}

/// By the time somebody looks, all numbers that were read are there again.
#[tokio::test]
async fn binlogs_that_are_reset_while_no_agent_runs_are_noticed() -> Result<()> {
    let mut scene = Scene::stage("reset_unseen", &one_server()).await?;
    scene.cluster.primary().execute("FLUSH BINARY LOGS").await?;
    scene.start_agent("before", &[])?;
    scene.submit(&[]).await?;
    scene.wait_for_phase("ready").await?;
    scene.kill_agent("before").await?;
    scene.stop_load().await?;
    let primary = scene.cluster.primary();
    let mut conn = primary.connect().await?;
    let count = "SELECT CAST(SUBSTRING_INDEX(@@GLOBAL.gtid_executed, '-', -1) AS UNSIGNED)";
    let before: Option<u64> = conn.query_first(count).await?;
    conn.query_drop(RESET).await?;
    for number in 0..before.unwrap_or_default() + 100 {
        conn.query_drop(format!(
            "UPDATE test.customers SET version = version + 1 WHERE id = {}",
            1 + number % 100
        ))
        .await?;
    }
    scene.start_agent("after", &[])?;
    scene
        .expect_failure(&["its binlogs and GTIDs were reset", "submit it anew"])
        .await
}

/// Limits on what queries return, and another time zone, are set while rows are copied. A moment is part of the key, and has another
/// name in the shadow for each zone.
#[tokio::test]
async fn settings_of_the_server_do_not_change_what_is_copied() -> Result<()> {
    let setup = Setup {
        changes: "MODIFY seen DATETIME NOT NULL, ADD COLUMN note INT",
        ..Setup::default()
    };
    let mut scene = Scene::stage("server_settings", &setup).await?;
    let settings = async |scene: &Scene, limit: &str, zone: &str| {
        for node in [0, 1, 2] {
            let node = scene.cluster.node(node);
            node.execute(&format!("SET GLOBAL sql_select_limit = {limit}")).await?;
            node.execute(&format!("SET GLOBAL time_zone = '{zone}'")).await?;
        }
        anyhow::Ok(())
    };
    let add = "ALTER TABLE test.customers ADD COLUMN seen TIMESTAMP NOT NULL DEFAULT '2024-06-01 12:00:00', \
               DROP PRIMARY KEY, ADD PRIMARY KEY (seen, id), ADD UNIQUE KEY (id)";
    scene.cluster.primary().execute(add).await?;
    settings(&scene, "4", "+00:00").await?;
    scene.start_agent("agent-0", &[])?;
    scene.submit(&["--chunk-rows", "200", "--chunk-pause", "50ms"]).await?;
    scene.wait_for_mid_copy().await?;
    settings(&scene, "3", "+05:00").await?;
    scene.kill_agent("agent-0").await?;
    scene.start_agent("agent-1", &[])?;
    scene.wait_for_phase("ready").await?;
    settings(&scene, "DEFAULT", "+00:00").await?;
    scene.finish().await
}

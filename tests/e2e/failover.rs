//! Failovers of every kind, in every phase.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use outlast_testbed::{RelayLog, Topology, eventually};

use crate::{
    scene::{PATIENCE, Scene, Setup},
    timing::PromotionWatch,
};

#[tokio::test]
async fn survives_a_planned_switchover_while_copying() -> Result<()> {
    let scene = Scene::start("switchover_while_copying", Setup::default()).await?;
    scene.wait_for_mid_copy().await?;
    scene.switchover(1).await?;
    scene.finish().await
}

#[tokio::test]
async fn survives_a_planned_switchover_while_following() -> Result<()> {
    let scene = Scene::start("switchover_while_following", Setup::default()).await?;
    let _changes = scene.outrun_catch_up().await?;
    scene.switchover(1).await?;
    scene.finish().await
}

#[tokio::test]
async fn survives_a_planned_switchover_while_ready_and_postponed() -> Result<()> {
    let scene = Scene::start("switchover_while_ready", Setup::quick_copy()).await?;
    scene.wait_for_phase("ready").await?;
    scene.switchover(1).await?;
    scene.finish().await
}

#[tokio::test]
async fn survives_the_death_of_the_primary_while_copying() -> Result<()> {
    let setup = Setup {
        topology: Topology::SemiSync { nodes: 3 },
        ..Setup::default()
    };
    let scene = Scene::start("crash_while_copying", setup).await?;
    scene.wait_for_mid_copy().await?;
    let candidate = scene.cluster.best_candidate().await?;
    scene.crash(candidate, RelayLog::AppliedFirst).await?;
    scene.finish().await
}

#[tokio::test]
async fn survives_the_death_of_the_primary_while_following() -> Result<()> {
    let scene = Scene::start("crash_while_following", Setup::default()).await?;
    let _changes = scene.outrun_catch_up().await?;
    scene.crash(1, RelayLog::AppliedFirst).await?;
    scene.finish().await
}

#[tokio::test]
async fn survives_the_promotion_of_a_replica_that_lagged_20_seconds() -> Result<()> {
    let setup = Setup {
        rows: 40_000,
        ..Setup::default()
    };
    let scene = Scene::start("lagging_replica", setup).await?;
    // The migration exists on the replica before it begins to lag; otherwise it would be lost with the primary.
    scene.wait_for_mid_copy().await?;
    scene.wait_until_replicated(1).await?;
    scene.cluster.set_delay(1, 3600).await?;
    scene.wait_for_lag(1, Duration::from_secs(20)).await?;
    scene.crash(1, RelayLog::AppliedFirst).await?;
    scene.finish().await
}

#[tokio::test]
async fn survives_the_promotion_of_a_replica_that_lost_its_last_20_seconds() -> Result<()> {
    let setup = Setup {
        rows: 40_000,
        ..Setup::default()
    };
    let scene = Scene::start("lossy_promotion", setup).await?;
    scene.wait_for_mid_copy().await?;
    scene.wait_until_replicated(1).await?;
    // What is not received is lost with the primary.
    scene.cluster.node(1).execute("STOP REPLICA IO_THREAD").await?;
    scene.wait_for_lag(1, Duration::from_secs(20)).await?;
    scene.crash(1, RelayLog::AppliedFirst).await?;
    scene.finish().await
}

#[tokio::test]
async fn waits_for_the_relay_log_of_a_server_made_writable_too_early() -> Result<()> {
    let mut scene = Scene::start("unapplied_relay_log", Setup::default()).await?;
    scene.wait_for_mid_copy().await?;
    scene.wait_until_replicated(1).await?;
    scene.cluster.pause_applier(1).await?;
    scene.wait_for_lag(1, Duration::from_secs(2)).await?;
    // The application stops writing: what it wrote to the half-applied server would stop the server's replication.
    scene.stop_load().await?;
    scene.cluster.primary().kill9();
    scene.cluster.promote(1, RelayLog::LeftUnapplied).await?;
    // Writable, with its applier stopped: nobody may adopt.
    let promoted = crate::timing::now_ms();
    scene.wait_for_log("received transactions that are not applied").await?;
    let epoch: u64 = scene
        .cluster
        .primary()
        .query_one("SELECT MAX(epoch) FROM _outlast.fence")
        .await?;
    ensure!(
        epoch == 1,
        "adopted on a server with an unapplied relay log: epoch {epoch}"
    );
    scene.cluster.resume_applier(1).await?;
    scene.wait_for_progress_after(promoted).await?;
    scene.start_load().await?;
    scene.finish().await
}

#[tokio::test]
async fn survives_five_failovers_in_one_migration() -> Result<()> {
    let setup = Setup {
        rows: 40_000,
        ..Setup::default()
    };
    let scene = Scene::start("five_failovers", setup).await?;
    scene.wait_for_mid_copy().await?;
    scene.switchover(1).await?;
    scene.crash(2, RelayLog::AppliedFirst).await?;
    ensure!(
        scene.cluster.rebuild(1).await?.is_clean(),
        "the rebuilt server has transactions of its own"
    );
    scene.wait_until_replicated(1).await?;
    scene.switchover(1).await?;
    scene.switchover(2).await?;
    ensure!(
        scene.cluster.rebuild(0).await?.is_clean(),
        "the rebuilt server has transactions of its own"
    );
    scene.wait_until_replicated(0).await?;
    scene.crash(0, RelayLog::AppliedFirst).await?;
    let status = scene.status().await?;
    ensure!(status["failovers"] == 5, "{status}");
    scene.finish().await
}

#[tokio::test]
async fn the_first_server_can_be_primary_again() -> Result<()> {
    let scene = Scene::start("first_server_again", Setup::default()).await?;
    scene.wait_for_mid_copy().await?;
    scene.switchover(1).await?;
    scene.switchover(0).await?;
    let status = scene.status().await?;
    ensure!(status["failovers"] == 2, "{status}");
    scene.finish().await
}

#[tokio::test]
async fn survives_a_group_replication_election_that_nobody_announces() -> Result<()> {
    let setup = Setup {
        topology: Topology::GroupReplication { nodes: 3 },
        rows: 40_000,
        ..Setup::default()
    };
    let scene = Scene::start("group_election", setup).await?;
    scene.wait_for_mid_copy().await?;
    let mut watches = HashMap::new();
    for replica in scene.cluster.replicas() {
        watches.insert(replica, PromotionWatch::start(scene.cluster.node(replica)).await?);
    }
    scene.cluster.primary().kill9();
    let elected = scene.cluster.wait_for_new_group_primary(PATIENCE).await?;
    let watch = watches.remove(&elected).context("the dead primary was elected")?;
    scene.measure("election", watch.promoted_at().await?).await?;
    scene.finish().await
}

/// The whole cut-over under load: nothing that the application was told is lost, and none of its statements fails.
#[tokio::test]
async fn the_cut_over_under_load_loses_no_write() -> Result<()> {
    let setup = Setup {
        topology: Topology::SemiSync { nodes: 2 },
        transactions_per_second: 300.0,
        // No renaming: the application goes on with the names it knows.
        changes: "ADD COLUMN note VARCHAR(40) NOT NULL DEFAULT 'none', MODIFY payload VARCHAR(300), ADD INDEX (amount)",
        ..Setup::quick_copy()
    };
    let mut scene = Scene::start("cut_over_under_load", setup).await?;
    scene.wait_for_phase("ready").await?;
    scene.complete().await?;
    let load = scene.load.take().expect("the load runs");
    load.wait_for_progress(200, PATIENCE).await?;
    let report = load.stop().await?;
    let unexplained = report.unexplained_errors();
    ensure!(
        unexplained.is_empty(),
        "the application's statements failed: {unexplained:?}"
    );
    let mut conn = scene.cluster.primary().connect().await?;
    report.verify_acknowledged(&mut conn).await?.expect_no_loss()?;
    let altered =
        "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'test' AND COLUMN_NAME = 'note'";
    let altered: Option<u64> = conn.query_first(altered).await?;
    ensure!(altered == Some(1), "the new table is not in place");
    scene.check_nothing_is_left().await
}

/// Nobody tells Outlast of a failover; it is noticed, even if the agent knew one server only.
#[tokio::test]
async fn discovers_the_servers_that_it_was_not_told_of() -> Result<()> {
    let setup = Setup::default();
    let mut scene = Scene::stage("discovery", &setup).await?;
    let all = scene.servers().to_vec();
    scene.reach_through(vec![all[0].clone()]);
    scene.start_agent("agent-0", &[])?;
    scene.submit(&["--chunk-rows", "200", "--chunk-pause", "50ms"]).await?;
    scene.wait_for_mid_copy().await?;
    scene.reach_through(all);
    scene.crash(1, RelayLog::AppliedFirst).await?;
    scene.finish().await
}

/// A failover while the lock for the cut-over is awaited again and again: the intent is written, the swap has not happened.
#[tokio::test]
async fn a_failover_between_intent_and_swap_neither_loses_nor_repeats_the_swap() -> Result<()> {
    let mut scene = Scene::start("failover_in_cut_over", Setup::quick_copy()).await?;
    scene.wait_for_phase("ready").await?;
    scene.stop_load().await?;
    scene.copy_natively().await?;
    // A transaction of the application keeps the table from being locked.
    let mut conn = scene.cluster.primary().connect().await?;
    conn.query_drop("BEGIN").await?;
    conn.query_drop("SELECT COUNT(*) FROM test.customers").await?;
    scene.ask_to_complete().await?;
    eventually("the cut-over is tried", PATIENCE, || async {
        let status = scene.status().await?;
        ensure!(status["phase"] == "cutting-over", "{status}");
        Ok(())
    })
    .await?;
    scene.cluster.primary().kill9();
    scene.cluster.promote(1, RelayLog::AppliedFirst).await?;
    scene.expect_complete_and_identical().await
}

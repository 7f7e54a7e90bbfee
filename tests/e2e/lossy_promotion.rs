//! Promotions that lose the old primary's last transactions: the migration goes on from what the promoted server has, and ends
//! equal to that server's source; and what happens when the old primary comes back.

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use mysql_async::{Row, prelude::Queryable};
use outlast_testbed::{
    LoadOptions, Node, RelayLog, TableName, Topology, WriteLoad, eventually, expect_identical, native_copy,
};
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    outlast,
    replica_consistency::last_transaction,
    scene::{PATIENCE, Scene, Setup},
};

/// Renames nothing: the application goes on with the names it knows.
const CHANGES: &str =
    "ADD COLUMN note VARCHAR(40) NOT NULL DEFAULT 'none', MODIFY payload VARCHAR(300), ADD INDEX (amount)";

/// A moment of the migration on the old primary, and what the promoted server must hold that stopped there.
struct Moment {
    name: &'static str,
    /// Where the promoted server's applier stops.
    until: String,
    /// The phase that it knows.
    phase: &'static str,
    /// Whether the swap is among what it has.
    is_swapped: bool,
}

impl Moment {
    async fn now(primary: &Node, phase: &'static str) -> Result<Self> {
        let (source, last) = (primary.server_uuid().await?, last_transaction(primary).await?);
        Ok(Self {
            name: phase,
            until: format!("SQL_AFTER_GTIDS = '{source}:{last}'"),
            phase,
            is_swapped: false,
        })
    }
}

/// The GTID of the swap, as the old primary's binlogs have it.
async fn swap_of(primary: &Node) -> Result<String> {
    let logs: Vec<Row> = primary.query("SHOW BINARY LOGS").await?;
    let names = logs.iter().filter_map(|log| log.get::<String, _>(0));
    for log in names.collect::<Vec<_>>() {
        let events: Vec<Row> = primary.query(&format!("SHOW BINLOG EVENTS IN '{log}'")).await?;
        let infos: Vec<String> = events.iter().filter_map(|event| event.get(5)).collect();
        if let Some(swap) = infos.iter().position(|info| info.contains("RENAME TABLE")) {
            let gtid = infos[..swap].iter().rev().find_map(|info| info.split('\'').nth(1));
            return gtid.map(str::to_owned).context("the swap has no GTID");
        }
    }
    anyhow::bail!("the binlogs hold no swap")
}

/// A promoted server, alone, with an agent of its own.
struct World<'a> {
    scene: &'a Scene,
    node: &'a Node,
    moment: &'a Moment,
}

impl World<'_> {
    async fn status(&self) -> Result<Value> {
        let arguments = ["status", &self.scene.id, "--format", "json"];
        outlast::json(&[self.node.address()], &arguments).await
    }

    async fn wait_for(&self, what: &str, condition: impl Fn(&Value) -> bool) -> Result<Value> {
        eventually(what, PATIENCE, || async {
            let status = self.status().await?;
            ensure!(condition(&status), "{status}");
            Ok(status)
        })
        .await
    }

    /// The migration goes on here under write load, ends, and equals what MySQL's ALTER makes of this server's source.
    async fn goes_on(&self) -> Result<()> {
        let before = self.status().await?;
        ensure!(
            before["phase"] == self.moment.phase && before["status"] == "running",
            "promoted in another phase: {before}"
        );
        let logs = self.scene.logs().join(format!("agent-{}.log", self.moment.name));
        let _agent = outlast::agent(&[self.node.address()], self.moment.name, logs, &[])?;
        let asked_already = self.moment.phase == "cutting-over";
        if !asked_already {
            let (_address, watch) = watch::channel(self.node.address());
            let options = LoadOptions {
                transactions_per_second: Some(50.0),
                ..LoadOptions::default()
            };
            let load = WriteLoad::start(watch, &self.scene.table, options).await?;
            self.wait_for("ready", |s| s["phase"] == "ready" && s["epoch"] == 2)
                .await?;
            load.wait_for_progress(20, PATIENCE).await?;
            let report = load.stop().await?;
            let unexplained = report.unexplained_errors();
            ensure!(unexplained.is_empty(), "statements failed: {unexplained:?}");
            outlast::succeed(&[self.node.address()], &["complete", &self.scene.id]).await?;
            self.wait_for("the end", |s| s["status"] != "running").await?;
            report
                .verify_acknowledged(&mut self.node.connect().await?)
                .await?
                .expect_no_loss()?;
        }
        let status = self.wait_for("the end", |s| s["status"] != "running").await?;
        ensure!(status["status"] == "complete" && status["failovers"] == 1, "{status}");
        self.expect_one_swap().await
    }

    async fn expect_one_swap(&self) -> Result<()> {
        let mut conn = self.node.connect().await?;
        let retired = TableName::new(format!("_outlast_old_{}", self.scene.id), "customers");
        let expected = TableName::new("test", "expected");
        native_copy(&mut conn, &retired, &expected, CHANGES).await?;
        expect_identical(&mut conn, &expected, &self.scene.table).await?;
        let own = self.node.server_uuid().await?;
        let swapped_here = swap_of(self.node).await.map(|gtid| gtid.contains(&own));
        ensure!(
            swapped_here.as_ref().is_ok_and(|here| *here != self.moment.is_swapped),
            "the swap was done where it should not: {swapped_here:?}"
        );
        let left: Vec<String> = conn
            .query("SELECT TABLE_SCHEMA FROM information_schema.TABLES WHERE TABLE_NAME = 'customers' ORDER BY 1")
            .await?;
        ensure!(
            left == [retired.schema, "test".to_owned()],
            "these tables are left: {left:?}"
        );
        Ok(())
    }
}

/// One migration runs to its end on a primary that then dies; five replicas had stopped at moments before, and have lost the rest.
/// Each goes on, as if it were the one that was promoted.
#[tokio::test]
async fn whatever_phase_a_promotion_loses_the_migration_goes_on_with_what_the_promoted_server_has() -> Result<()> {
    let setup = Setup {
        topology: Topology::AsyncGtid { nodes: 6 },
        changes: CHANGES,
        ..Setup::default()
    };
    let mut scene = Scene::stage("lossy_phases", &setup).await?;
    for replica in scene.cluster.replicas() {
        scene.wait_until_replicated(replica).await?;
        scene.cluster.pause_applier(replica).await?;
    }
    scene.start_agent("agent-0", &[])?;
    scene.submit(&["--chunk-rows", "500", "--chunk-pause", "50ms"]).await?;
    scene.wait_for_mid_copy().await?;
    let primary = scene.cluster.primary();
    let mut moments = vec![Moment::now(primary, "copying").await?];
    let changes = scene.outrun_catch_up().await?;
    moments.push(Moment::now(primary, "following").await?);
    drop(changes);
    scene.wait_for_phase("ready").await?;
    moments.push(Moment::now(primary, "ready").await?);
    scene.stop_load().await?;
    scene.complete().await?;
    let swap = swap_of(scene.cluster.primary()).await?;
    for (name, side, is_swapped) in [("swap-lost", "BEFORE", false), ("status-lost", "AFTER", true)] {
        moments.push(Moment {
            name,
            until: format!("SQL_{side}_GTIDS = '{swap}'"),
            phase: "cutting-over",
            is_swapped,
        });
    }
    for replica in scene.cluster.replicas() {
        scene.cluster.wait_until_received(replica, PATIENCE).await?;
    }
    scene.kill_agent("agent-0").await?;
    scene.cluster.primary().kill9();
    let worlds = moments.iter().zip(scene.cluster.replicas()).map(|(moment, replica)| {
        let scene = &scene;
        async move {
            scene.cluster.apply_until(replica, &moment.until, PATIENCE).await?;
            scene.cluster.promote_alone(replica).await?;
            let node = scene.cluster.node(replica);
            World { scene, node, moment }.goes_on().await
        }
    });
    let with_names = worlds.zip(&moments).map(|(world, moment)| async move {
        world
            .await
            .with_context(|| format!("promoted at {} ({})", moment.name, moment.until))
    });
    try_join_all(with_names).await.map(drop)
}

/// The old primary had swapped, and told nobody: it comes back writable, is left alone, and is built anew.
#[tokio::test]
async fn an_old_primary_whose_lost_swap_comes_back_is_left_alone_until_it_is_rebuilt() -> Result<()> {
    let setup = Setup {
        topology: Topology::AsyncGtid { nodes: 2 },
        changes: CHANGES,
        ..Setup::quick_copy()
    };
    let mut scene = Scene::start("lost_swap_returns", setup).await?;
    scene.wait_for_phase("ready").await?;
    scene.stop_load().await?;
    scene.wait_until_replicated(1).await?;
    scene.cluster.pause_applier(1).await?;
    scene.complete().await?;
    let ended: u64 = scene
        .cluster
        .primary()
        .query_one("SELECT MAX(epoch) FROM _outlast.fence")
        .await?;
    scene.cluster.primary().kill9();
    scene.cluster.promote(1, RelayLog::Lost).await?;
    scene
        .wait_for("the migration to go on", |s| s["phase"] == "ready" && s["epoch"] == 2)
        .await?;
    println!("the old primary ended with epoch {ended}, the new one goes on with 2");
    // Back as it was: writable, with the new table in place, and the same migration complete.
    let old = scene.cluster.node(0);
    old.start().await?;
    scene.cluster.make_writable(0).await?;
    let executed = old.gtid_executed().await?;
    let said = scene.wait_for("the split brain to be said", |s| {
        s["cluster"].as_str().is_some_and(|c| c.contains("split brain"))
    });
    said.await?;
    scene.wait_for_log("split brain").await?;
    ensure!(
        old.gtid_executed().await? == executed,
        "something was written to the old primary"
    );
    old.kill9();
    ensure!(
        scene.cluster.rebuild(0).await?.is_clean(),
        "the rebuilt server has transactions of its own"
    );
    scene.wait_until_replicated(0).await?;
    scene.start_load().await?;
    scene.switchover(0).await?;
    scene.finish().await
}

//! Two servers that take writes, and one address that leads to different servers.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use outlast_checkpoint_mysql::MySqlCheckpoints;
use outlast_core::{
    AgentId, Epoch, ErrorKind, Incarnation, KeyRange, Scheduler, Server, ServerUuid, Stream, stream::Copied,
};
use outlast_mysql::Connector;
use outlast_scheduler_mysql::MySqlScheduler;
use outlast_stream_mysql::MySqlStream;
use outlast_testbed::{Cluster, Proxy, RelayLog, Topology, accounts, eventually};

use crate::{
    outlast,
    scene::{PATIENCE, Scene, Setup},
};

/// The old primary comes back writable after another server was adopted: the one with the higher epoch goes on.
#[tokio::test]
async fn in_a_split_brain_the_higher_epoch_goes_on_and_the_other_server_is_left_alone() -> Result<()> {
    let setup = Setup {
        rows: 40_000,
        ..Setup::default()
    };
    let scene = Scene::start("split_brain", setup).await?;
    scene.wait_for_mid_copy().await?;
    scene.crash(1, RelayLog::AppliedFirst).await?;
    // Back as it was: writable, and nobody's replica.
    scene.cluster.node(0).restart().await?;
    scene.cluster.make_writable(0).await?;
    let executed = scene.cluster.node(0).gtid_executed().await?;
    scene
        .wait_for("the split brain to be said", |s| {
            s["cluster"].as_str().is_some_and(|c| c.contains("split brain"))
        })
        .await?;
    scene.wait_for("the copy to go on", |s| s["phase"] == "ready").await?;
    // The history is read where the migration goes on; the other server's ends with the first epoch.
    let events = outlast::output(scene.servers(), &["events", &scene.id, "--format", "json"]).await?;
    let (lines, said) = (String::from_utf8(events.stdout)?, String::from_utf8(events.stderr)?);
    ensure!(lines.contains("\"epoch\":2"), "{lines}");
    let shown = format!("Shown is what {} has", scene.cluster.node(1).address());
    ensure!(said.contains("split brain") && said.contains(&shown), "{said}");
    let after = scene.cluster.node(0).gtid_executed().await?;
    ensure!(
        executed == after,
        "something was written to the old primary: {executed} → {after}"
    );
    scene.cluster.node(0).stop().await?;
    scene.finish().await
}

/// Two writable servers with the same epoch: nobody moves, the status says why; once one is left, it goes on by itself.
#[tokio::test]
async fn in_a_split_brain_with_equal_epochs_nobody_moves() -> Result<()> {
    let setup = Setup {
        rows: 40_000,
        ..Setup::default()
    };
    let scene = Scene::start("equal_epochs", setup).await?;
    scene.wait_for_mid_copy().await?;
    scene.wait_until_replicated(2).await?;
    let node = scene.cluster.node(2);
    scene.cluster.promote_alone(2).await?;
    let said = scene.wait_for("the split brain to be said", |s| {
        s["cluster"].as_str().is_some_and(|c| c.contains("equal epochs"))
    });
    said.await?;
    scene.wait_for_log("nothing is adopted or written").await?;
    let (before, other) = (scene.copied_rows().await?, node.gtid_executed().await?);
    let load = scene.load.as_ref().context("no load")?;
    load.wait_for_progress(300, PATIENCE).await?;
    ensure!(
        scene.copied_rows().await? == before,
        "the copy went on with equal epochs"
    );
    ensure!(
        node.gtid_executed().await? == other,
        "something was written to the other server"
    );
    node.execute("SET GLOBAL super_read_only = ON").await?;
    scene
        .wait_for("the copy to go on by itself", |s| s["phase"] == "ready")
        .await?;
    scene.finish().await
}

/// Behind one address, a lane's new connection reaches another server than its lease is for: it writes nothing there.
///
/// The lane is driven step by step here, without an agent, which would notice the move and adopt anew.
#[tokio::test]
async fn a_lane_that_reconnects_to_another_server_writes_nothing() -> Result<()> {
    let setup = Setup::default();
    let mut scene = Scene::stage("moved_endpoint", &setup).await?;
    scene.submit(&["--chunk-rows", "200"]).await?;
    let proxy = Proxy::start(scene.cluster.primary().address()).await?;
    let primary = Server {
        uuid: ServerUuid::new(scene.cluster.primary().server_uuid().await?),
        address: proxy.address(),
    };
    let connector = Connector::new(accounts::OUTLAST_USER, Some(accounts::OUTLAST_PASSWORD.to_owned()));
    let scheduler = MySqlScheduler::new(connector.clone());
    let stream = MySqlStream::new(connector.clone(), Arc::new(MySqlCheckpoints::new(connector)));
    let (id, agent) = (scene.id.parse()?, AgentId::new("by-hand"));
    let lease = scheduler
        .adopt(&primary, &id, Epoch(0), &agent, &Incarnation::new("life-1"))
        .await?;
    let migration = scheduler.get(&primary, &id).await?;
    let lane = stream.open(&lease, &migration).await?;
    lane.prepare().await?;
    let first = KeyRange {
        after: None,
        upto: lane.boundary(&KeyRange::ALL, 200).await?,
    };
    ensure!(
        matches!(lane.copy(&first).await?, Copied::Rows(200)),
        "the lane does not copy"
    );
    // Another server with the same data, fence row included, which takes writes and is reached by the same address now.
    scene.wait_until_replicated(2).await?;
    let other = scene.cluster.node(2);
    scene.cluster.promote_alone(2).await?;
    let before = other.gtid_executed().await?;
    proxy.point_to_and_cut(other.address());
    let rest = KeyRange {
        after: first.upto,
        upto: None,
    };
    for attempt in 0..20 {
        // The lane itself is over with its first lost session; a new one of the same lease must get no further.
        let copied = match stream.open(&lease, &migration).await {
            _ if attempt == 0 => lane.copy(&rest).await,
            Ok(again) => again.copy(&rest).await,
            Err(error) => Err(error),
        };
        let error = copied
            .err()
            .with_context(|| format!("attempt {attempt} wrote to the other server"))?;
        ensure!(
            matches!(error.kind(), ErrorKind::Fenced | ErrorKind::ServerGone),
            "attempt {attempt} failed otherwise: {error}"
        );
    }
    let after = other.gtid_executed().await?;
    ensure!(
        before == after,
        "the old lease wrote to the other server: {before} → {after}"
    );
    Ok(())
}

/// A virtual address moves to a promoted server: the agent sees another server_uuid and adopts there.
#[tokio::test]
async fn behind_one_address_the_promoted_server_is_noticed_by_its_uuid() -> Result<()> {
    let mut scene = Scene::stage("single_endpoint", &Setup::default()).await?;
    let proxy = Proxy::start(scene.cluster.primary().address()).await?;
    let real = scene.servers().to_vec();
    scene.reach_through(vec![proxy.address()]);
    scene.start_agent("agent-0", &["--single-endpoint"])?;
    scene
        .submit(&["--chunk-rows", "200", "--chunk-pause", "50ms", "--single-endpoint"])
        .await?;
    scene.reach_through(real);
    scene.wait_for_mid_copy().await?;
    scene
        .failover("endpoint moved", 1, async |cluster| {
            cluster.primary().kill9();
            cluster.promote(1, RelayLog::AppliedFirst).await?;
            proxy.point_to_and_cut(cluster.primary().address());
            Ok(())
        })
        .await?;
    scene.finish().await
}

/// A replica that somebody forgot to make read-only is no second primary.
#[tokio::test]
async fn a_writable_replica_is_no_second_primary() -> Result<()> {
    let setup = Setup {
        topology: Topology::AsyncGtid { nodes: 2 },
        ..Setup::default()
    };
    let scene = Scene::start("writable_replica", setup).await?;
    scene.wait_for_mid_copy().await?;
    scene.cluster.make_writable(1).await?;
    scene.wait_for_phase("ready").await?;
    let status = outlast::json(scene.servers(), &["status", &scene.id, "--format", "json"]).await?;
    ensure!(status["epoch"] == 1 && status["cluster"] == "", "{status}");
    // Whoever submits one is told of it.
    let dry_run = [
        "run",
        "--dry-run",
        "--no-instant",
        "ALTER TABLE test.customers ADD x INT",
    ];
    let said = String::from_utf8(outlast::output(scene.servers(), &dry_run).await?.stderr)?;
    let warning = format!("warning: {} is a replica", scene.cluster.node(1).address());
    ensure!(
        said.contains(&warning) && said.contains("SET PERSIST super_read_only"),
        "{said}"
    );
    eventually("the replica is read-only again", PATIENCE, || async {
        scene.cluster.node(1).execute("SET GLOBAL super_read_only = ON").await
    })
    .await?;
    scene.finish().await
}

/// An old primary is back, and a program is told of it and of a replica: it must not take the one for the primary before it has asked the
/// one that the other follows.
#[tokio::test]
async fn a_primary_that_is_discovered_in_a_look_counts_in_that_look() -> Result<()> {
    let cluster = Cluster::start(Topology::AsyncGtid { nodes: 3 }).await?;
    let statement = "ALTER TABLE test.t ADD COLUMN note INT";
    cluster
        .primary()
        .execute("CREATE TABLE test.t (id INT PRIMARY KEY)")
        .await?;
    for replica in cluster.replicas() {
        cluster.wait_for_catch_up(replica, PATIENCE).await?;
    }
    let [back, promoted, replica] = [0, 1, 2].map(|index| cluster.node(index).address());
    cluster.node(0).kill9();
    cluster.promote(1, RelayLog::AppliedFirst).await?;
    cluster.node(0).restart().await?;
    cluster.make_writable(0).await?;

    let told = [back.clone(), replica.clone()];
    let before = cluster.node(0).gtid_executed().await?;
    for arguments in [&["plan", statement][..], &["submit", statement], &["doctor"]] {
        let output = outlast::output(&told, arguments).await?;
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let names_both = said.contains(&back) && said.contains(&promoted);
        ensure!(output.status.code() == Some(3) && names_both, "{arguments:?}: {said}");
    }
    let after = cluster.node(0).gtid_executed().await?;
    ensure!(
        before == after,
        "something was written to the old primary: {before} → {after}"
    );

    cluster.node(0).stop().await?;
    let said = outlast::output(&[replica], &["doctor", "--format", "json"]).await?;
    let said: serde_json::Value = serde_json::from_slice(&said.stdout)?;
    let primary = &said["checks"][0];
    ensure!(
        primary["subject"] == "primary" && primary["message"] == promoted.as_str(),
        "{primary}"
    );
    Ok(())
}

//! Migrations that hold back: for replicas, for what users ask, and for what they limit.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    outlast,
    scene::{PATIENCE, Scene, Setup},
};

/// Long enough to see that nothing moves, and that signs of life come nevertheless.
const A_WHILE: Duration = Duration::from_secs(4);

fn setup() -> Setup {
    Setup {
        rows: 30_000,
        agent: ["--liveness-interval", "1s"].map(str::to_owned).to_vec(),
        ..Setup::default()
    }
}

async fn run(scene: &Scene, arguments: &[&str]) -> Result<()> {
    outlast::succeed(scene.servers(), arguments).await.map(drop)
}

async fn wait_until_throttled(scene: &Scene, why: &str) -> Result<Value> {
    let says = |s: &Value| {
        s["message"]
            .as_str()
            .is_some_and(|m| m.starts_with("throttled: ") && m.contains(why))
    };
    scene.wait_for(&format!("throttling by {why:?}"), says).await
}

/// Nothing is copied for a while, and the owner stays alive.
async fn expect_standstill(scene: &Scene) -> Result<()> {
    let copied = async || {
        let sql = "SELECT COUNT(*), COALESCE(SUM(rows_copied), 0) FROM _outlast.copied_ranges";
        let folded = "SELECT COALESCE(SUM(folded_rows), 0) FROM _outlast.watermarks";
        let (_, above): (u64, u64) = scene.cluster.primary().query_one(sql).await?;
        let below: u64 = scene.cluster.primary().query_one(folded).await?;
        anyhow::Ok(above + below)
    };
    // What was under way when the pace changed.
    let deadline = Instant::now() + PATIENCE;
    let mut before = copied().await?;
    loop {
        tokio::time::sleep(A_WHILE / 4).await;
        let now = copied().await?;
        if now == before {
            break;
        }
        ensure!(Instant::now() < deadline, "it goes on copying: {now} rows");
        before = now;
    }
    // A span in which nothing happens can only be seen by letting it pass.
    tokio::time::sleep(A_WHILE).await;
    ensure!(copied().await? == before, "rows were copied while throttled");
    let status = scene.status().await?;
    let age = status["liveness_age_seconds"].as_f64().unwrap_or(f64::MAX);
    ensure!(age < 4.0 && status["status"] == "running", "no sign of life: {status}");
    Ok(())
}

#[tokio::test]
async fn a_lagging_replica_holds_the_copy_back_until_it_has_caught_up() -> Result<()> {
    let setup = setup().submit(&["--max-lag", "3s"]);
    let scene = Scene::start("throttled_by_lag", setup).await?;
    scene.wait_for_mid_copy().await?;
    scene.cluster.pause_applier(2).await?;
    wait_until_throttled(&scene, "lag of replica").await?;
    expect_standstill(&scene).await?;
    scene.cluster.resume_applier(2).await?;
    scene.wait_for_phase("ready").await?;
    let events = outlast::succeed(scene.servers(), &["events", &scene.id]).await?;
    for kind in ["throttled", "unthrottled"] {
        ensure!(events.contains(kind), "no line {kind:?} in the history:\n{events}");
    }
    scene.finish().await
}

#[tokio::test]
async fn what_a_user_stops_stands_still_across_a_failover_until_it_is_let_go() -> Result<()> {
    let scene = Scene::start("throttled_by_a_user", setup()).await?;
    scene.wait_for_mid_copy().await?;
    run(&scene, &["throttle"]).await?;
    wait_until_throttled(&scene, "outlast throttle").await?;
    expect_standstill(&scene).await?;
    scene.cluster.switchover(1).await?;
    scene.wait_for("a failover", |s| s["failovers"] == 1).await?;
    wait_until_throttled(&scene, "outlast throttle").await?;
    expect_standstill(&scene).await?;
    run(&scene, &["unthrottle"]).await?;
    scene.finish().await
}

#[tokio::test]
async fn limits_are_changed_while_a_migration_runs() -> Result<()> {
    let scene = Scene::start("limits_are_changed", setup()).await?;
    scene.wait_for_mid_copy().await?;
    let primary = scene.cluster.primary();
    primary
        .execute("CREATE TABLE test.stop (seconds DOUBLE NOT NULL)")
        .await?;
    primary.execute("INSERT INTO test.stop VALUES (1)").await?;
    let id = scene.id.as_str();
    let query = "SELECT MAX(seconds) FROM test.stop";
    run(&scene, &["throttle", id, "--throttle-query", query]).await?;
    wait_until_throttled(&scene, "query gives 1").await?;
    // The query may only read.
    run(&scene, &["throttle", id, "--throttle-query", "DELETE FROM test.stop"]).await?;
    wait_until_throttled(&scene, "query fails").await?;
    let left: u64 = primary.query_one("SELECT COUNT(*) FROM test.stop").await?;
    ensure!(left == 1, "the throttle query has changed a table");
    run(
        &scene,
        &["throttle", id, "--throttle-query", "", "--max-threads-running", "1"],
    )
    .await?;
    wait_until_throttled(&scene, "threads run").await?;
    run(
        &scene,
        &[
            "throttle",
            id,
            "--max-threads-running",
            "off",
            "--max-history-length",
            "1",
        ],
    )
    .await?;
    wait_until_throttled(&scene, "history list").await?;
    run(
        &scene,
        &[
            "throttle",
            id,
            "--max-history-length",
            "off",
            "--max-commit-time",
            "100s",
        ],
    )
    .await?;
    scene.wait_for("the copy to go on", |s| s["message"] == "").await?;
    scene.finish().await
}

#[tokio::test]
async fn a_copy_that_makes_applications_wait_takes_less_of_the_time() -> Result<()> {
    let setup = Setup {
        rows: 30_000,
        submit: ["--chunk-rows", "10", "--lanes", "1", "--max-slowdown", "1%"]
            .map(str::to_owned)
            .to_vec(),
        transactions_per_second: 300.0,
        ..setup()
    };
    let scene = Scene::start("a_slower_application", setup).await?;
    let slower = |s: &Value| {
        let message = s["message"].as_str().unwrap_or_default();
        message.starts_with("slowed down to ") && message.contains("statements of applications take")
    };
    scene.wait_for("a slower copy", slower).await?;
    run(&scene, &["throttle", &scene.id, "--max-slowdown", "off"]).await?;
    scene.wait_for("the copy to go on", |s| s["message"] == "").await?;
    scene.finish().await
}

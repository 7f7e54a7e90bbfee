//! Indexes of the new table that are built once its rows are copied.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mysql_async::{Conn, prelude::Queryable};
use outlast_testbed::{RelayLog, eventually};

use crate::scene::{PATIENCE, Scene, Setup};

/// A build that nobody ends waits as long as its connection lives.
const SOON: Duration = Duration::from_secs(5);

/// A migration that is about to build its indexes, and can't, as long as the connection lives: it uses the new table.
async fn held_at_the_build(name: &str) -> Result<(Scene, Conn)> {
    let scene = Scene::start(name, Setup::default().submit(&["--defer-indexes"])).await?;
    scene.wait_for_mid_copy().await?;
    let shadow = format!("_outlast_new_{}.customers", scene.id);
    let mut user = scene.cluster.primary().connect().await?;
    let create: Option<(String, String)> = user.query_first(format!("SHOW CREATE TABLE {shadow}")).await?;
    let create = create.unwrap_or_default().1;
    ensure!(
        !create.contains(" KEY `total`") && create.contains("UNIQUE KEY"),
        "the new table has, in mid-copy: {create}"
    );
    user.query_drop("BEGIN").await?;
    user.query_drop(format!("SELECT 1 FROM {shadow} LIMIT 1")).await?;
    scene
        .wait_for("the build of the indexes", |status| {
            status["message"].as_str().is_some_and(|m| m.contains("builds indexes"))
        })
        .await?;
    eventually("the ALTER TABLE", PATIENCE, || async {
        ensure!(builds(&scene).await? == 1, "there is none");
        Ok(())
    })
    .await?;
    Ok((scene, user))
}

/// Statements that build indexes now.
async fn builds(scene: &Scene) -> Result<u64> {
    let sql = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'ALTER TABLE%ADD KEY `total`%'";
    scene.cluster.primary().query_one(sql).await
}

#[tokio::test]
async fn indexes_whose_build_is_lost_with_the_primary_are_built_on_the_next_one() -> Result<()> {
    let (scene, _user) = held_at_the_build("deferred_indexes_crash").await?;
    scene.crash(1, RelayLog::AppliedFirst).await?;
    scene.finish().await
}

/// A server that is to be read-only waits for all changes of definitions, and everybody who writes waits for it.
#[tokio::test]
async fn a_build_of_indexes_gives_way_to_a_switchover_and_is_begun_again_on_the_next_primary() -> Result<()> {
    let (scene, _user) = held_at_the_build("deferred_indexes_switchover").await?;
    let begun = Instant::now();
    scene.switchover(1).await?;
    ensure!(begun.elapsed() < SOON * 2, "it took {:?}", begun.elapsed());
    scene.finish().await
}

/// The server would go on with it, and nobody would look whether anybody waits for its end.
#[tokio::test]
async fn a_build_of_indexes_ends_with_the_agent_that_is_told_to_stop() -> Result<()> {
    let (mut scene, user) = held_at_the_build("deferred_indexes_stop").await?;
    let agents = scene.agents();
    for agent in &agents {
        scene.stop_agent(agent).await?;
    }
    ensure!(builds(&scene).await? == 0, "it goes on");
    drop(user);
    scene.start_agent("after", &[])?;
    scene.finish().await
}

#[tokio::test]
async fn a_cancellation_ends_the_build_of_indexes_and_a_retry_begins_it_again() -> Result<()> {
    let (scene, user) = held_at_the_build("deferred_indexes_cancel").await?;
    let begun = Instant::now();
    scene.command(&["cancel"]).await?;
    scene
        .wait_for("the end", |status| status["status"] == "cancelled")
        .await?;
    eventually("the end of the ALTER TABLE", SOON, || async {
        ensure!(builds(&scene).await? == 0, "it goes on");
        Ok(())
    })
    .await?;
    ensure!(begun.elapsed() < SOON, "it took {:?}", begun.elapsed());
    drop(user);
    scene.command(&["retry"]).await?;
    scene.finish().await
}

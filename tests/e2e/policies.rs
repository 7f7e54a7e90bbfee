//! Policies from outside: they can delay and refuse, not corrupt.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use outlast_testbed::RelayLog;

use crate::scene::{Scene, Setup};

#[path = "../../crates/outlast-policy/tests/guest/mod.rs"]
mod guest;

fn component(name: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../policies/prebuilt")
        .join(name)
        .display()
        .to_string()
}

/// Runs a migration with an adoption policy, kills the primary, and returns the scene with the new one promoted.
async fn after_a_crash(name: &str, policy: &str) -> Result<Scene> {
    let setup = Setup::default().submit(&["--policy-adoption", policy]);
    let scene = Scene::start(name, setup).await?;
    scene.wait_for_mid_copy().await?;
    scene.cluster.primary().kill9();
    scene.cluster.promote(1, RelayLog::AppliedFirst).await?;
    Ok(scene)
}

async fn epoch(scene: &Scene) -> Result<u64> {
    scene
        .cluster
        .primary()
        .query_one("SELECT MAX(epoch) FROM _outlast.fence")
        .await
}

#[tokio::test]
async fn a_policy_that_declines_keeps_the_migration_from_being_adopted() -> Result<()> {
    let mut scene = after_a_crash("policy_declines", &component("decline.wasm")).await?;
    scene.wait_for_event("verdict", "decline").await?;
    ensure!(epoch(&scene).await? == 1, "adopted against the verdict");
    // The policy is replaced by none: the migration goes on.
    scene.choose_default_policies().await?;
    scene.finish().await
}

#[tokio::test]
async fn a_policy_that_traps_is_contained_and_reported() -> Result<()> {
    let mut scene = after_a_crash("policy_traps", &component("trap.wasm")).await?;
    scene.wait_for_event("verdict", "failed").await?;
    ensure!(epoch(&scene).await? == 1, "adopted without a verdict");
    let status = scene.status().await?;
    ensure!(
        status["status"] == "running",
        "a policy's crash ended the migration: {status}"
    );
    scene.choose_default_policies().await?;
    scene.finish().await
}

/// A policy that never ends, on a real cluster: each decision is cut short, said in the history, and replaced by waiting.
#[tokio::test]
async fn a_policy_that_loops_is_contained_and_reported() -> Result<()> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/e2e/policy_loops");
    std::fs::create_dir_all(&directory)?;
    let path = directory.join("looping.wasm");
    std::fs::write(&path, guest::adoption("", "(loop $l (br $l)) (unreachable)"))?;
    let mut scene = after_a_crash("policy_loops", &path.display().to_string()).await?;
    scene.wait_for_event("verdict", "looping").await?;
    scene.wait_for_event("verdict", "ran out of fuel").await?;
    scene.wait_for_event("verdict", "wait").await?;
    ensure!(epoch(&scene).await? == 1, "adopted without a verdict");
    let status = scene.status().await?;
    ensure!(
        status["status"] == "running",
        "a policy's loop ended the migration: {status}"
    );
    scene.choose_default_policies().await?;
    scene.finish().await
}

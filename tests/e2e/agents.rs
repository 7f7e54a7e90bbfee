//! Death, return and rivalry of agents.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use outlast_testbed::{RelayLog, eventually};

use crate::{
    scene::{PATIENCE, Scene, Setup},
    timing::now_ms,
};

/// An agent is taken for dead after eight seconds here, instead of fifteen.
fn two_agents() -> Setup {
    Setup {
        agents: 2,
        agent: ["--liveness-interval", "1s"].map(str::to_owned).to_vec(),
        rows: 40_000,
        ..Setup::default()
    }
    .submit(&["--policy-param", "takeover_after=8s"])
}

/// The agent that owns the migration, and the other one.
async fn owner_and_other(scene: &Scene) -> Result<(String, String)> {
    let status = scene.status().await?;
    let owner = status["owner"]["agent"].as_str().context("no owner")?.to_owned();
    let other = if owner == "agent-0" { "agent-1" } else { "agent-0" };
    Ok((owner, other.to_owned()))
}

#[tokio::test]
async fn another_agent_takes_over_when_one_is_killed() -> Result<()> {
    let mut scene = Scene::start("agent_killed", two_agents()).await?;
    scene.wait_for_mid_copy().await?;
    let (owner, other) = owner_and_other(&scene).await?;
    let killed_at = now_ms();
    scene.kill_agent(&owner).await?;
    scene.wait_for_progress_after(killed_at).await?;
    let status = scene.status().await?;
    ensure!(status["owner"]["agent"] == other.as_str(), "{status}");
    ensure!(status["failovers"] == 0, "the server never changed: {status}");
    scene.finish().await
}

#[tokio::test]
async fn another_agent_takes_over_when_agent_and_primary_die_together() -> Result<()> {
    let mut scene = Scene::start("agent_and_primary_killed", two_agents()).await?;
    scene.wait_for_mid_copy().await?;
    let (owner, other) = owner_and_other(&scene).await?;
    scene.cluster.primary().kill9();
    scene.kill_agent(&owner).await?;
    let killed_at = now_ms();
    scene.cluster.promote(1, RelayLog::AppliedFirst).await?;
    scene.wait_for_progress_after(killed_at).await?;
    let status = scene.status().await?;
    ensure!(status["owner"]["agent"] == other.as_str(), "{status}");
    scene.finish().await
}

#[tokio::test]
async fn goes_on_within_the_cutoff_although_nothing_ran_for_a_while() -> Result<()> {
    let mut scene = Scene::start("nothing_ran", Setup::default()).await?;
    scene.wait_for_mid_copy().await?;
    scene.cluster.primary().kill9();
    scene.kill_agent("agent-0").await?;
    scene.cluster.promote(1, RelayLog::AppliedFirst).await?;
    scene
        .wait_for("a silence of ten seconds", |s| {
            s["liveness_age_seconds"].as_f64() > Some(10.0)
        })
        .await?;
    let started_at = now_ms();
    scene.start_agent("agent-late", &[])?;
    scene.wait_for_progress_after(started_at).await?;
    scene.finish().await
}

/// Two agents on one primary: the owner is frozen, the other takes over; thawed, the first finds itself fenced and stops.
#[tokio::test]
async fn of_two_agents_on_one_primary_only_one_writes() -> Result<()> {
    let scene = Scene::start("rival_agents", two_agents()).await?;
    scene.wait_for_mid_copy().await?;
    let (owner, other) = owner_and_other(&scene).await?;
    scene.signal_agent(&owner, "STOP").await?;
    let adopted = scene
        .wait_for("the other agent's adoption", |s| s["owner"]["agent"] == other.as_str())
        .await;
    scene.signal_agent(&owner, "CONT").await?;
    let epoch = adopted?["epoch"].as_u64().context("no epoch")?;
    scene.wait_for_log_of(&owner, "run ended").await?;
    scene.wait_for_phase("ready").await?;
    let status = scene.status().await?;
    ensure!(
        status["epoch"] == epoch,
        "the thawed agent took the migration back: {status}"
    );
    ensure!(status["owner"]["agent"] == other.as_str(), "{status}");
    scene.finish().await
}

/// Ctrl-C leaves the migration resumable, says how, and `resume` finishes it.
#[tokio::test]
async fn an_interrupted_run_is_resumed_from_its_checkpoint() -> Result<()> {
    let setup = Setup::default();
    let mut scene = Scene::stage("interrupted_run", &setup).await?;
    let run = scene
        .start_run(&["--chunk-rows", "200", "--chunk-pause", "50ms", "--postpone-completion"])
        .await?;
    scene.wait_for_mid_copy().await?;
    let (code, stderr) = scene.interrupt(run).await?;
    ensure!(code == Some(5), "exit code {code:?}: {stderr}");
    let advice = format!("outlast resume {}", scene.id);
    ensure!(stderr.contains(&advice), "it does not say how to go on: {stderr}");
    let before = scene.copied_rows().await?;
    scene.start_resume()?;
    scene.wait_for_phase("ready").await?;
    let rows: u64 = scene
        .cluster
        .primary()
        .query_one("SELECT COUNT(*) FROM test.customers")
        .await?;
    let status = scene.status().await?;
    let copied = status["rows_copied"].as_u64().context("no rows")?;
    ensure!(
        before > 0 && copied < rows + 5_000,
        "rows were copied twice: {copied} of {rows}"
    );
    scene.finish().await
}

/// A cancelled migration leaves the source alone, and a retry goes on where it stopped.
#[tokio::test]
async fn a_cancelled_migration_is_retried_without_copying_again() -> Result<()> {
    let scene = Scene::start("cancel_and_retry", Setup::default()).await?;
    scene.wait_for_mid_copy().await?;
    scene.command(&["cancel"]).await?;
    let status = scene.wait_for("cancellation", |s| s["status"] == "cancelled").await?;
    let chunks = scene.copied_rows().await?;
    ensure!(chunks > 0, "the checkpoint is gone: {status}");
    scene.command(&["retry"]).await?;
    scene.wait_for_phase("ready").await?;
    eventually("the copied rows are counted once", PATIENCE, || async {
        let status = scene.status().await?;
        let (copied, rows) = (status["rows_copied"].as_u64(), Some(20_000 + 5_000));
        ensure!(copied < rows, "{status}");
        Ok(())
    })
    .await?;
    scene.finish().await
}

/// A stream that nobody ran for longer than the cutoff fails, says so, keeps everything, and a retry goes on.
#[tokio::test]
async fn a_stale_migration_fails_with_a_reason_and_a_retry_goes_on_from_the_checkpoint() -> Result<()> {
    let setup = Setup::default().submit(&["--policy-param", "cutoff=15s"]);
    let mut scene = Scene::start("stale", setup).await?;
    scene.wait_for_mid_copy().await?;
    scene.kill_agent("agent-0").await?;
    let copied = scene.copied_rows().await?;
    scene.cluster.primary().kill9();
    scene.cluster.promote(1, RelayLog::AppliedFirst).await?;
    scene
        .wait_for("a silence longer than the cutoff", |s| {
            s["liveness_age_seconds"].as_f64() > Some(16.0)
        })
        .await?;
    scene.start_agent("agent-late", &[])?;
    let status = scene.wait_for("the verdict", |s| s["status"] == "failed").await?;
    let message = status["message"].as_str().unwrap_or_default();
    for expected in ["stale", "15 s", "agent-0", "retry", "untouched"] {
        ensure!(message.contains(expected), "the message lacks {expected:?}: {message}");
    }
    let shadow = format!("SELECT COUNT(*) FROM _outlast_new_{}.customers", scene.id);
    let kept: u64 = scene.cluster.primary().query_one(&shadow).await?;
    ensure!(kept >= copied / 2, "the shadow was not kept: {kept} rows");
    let before = scene.copied_rows().await?;
    scene.command(&["retry"]).await?;
    scene.wait_for_phase("ready").await?;
    let after = scene.copied_rows().await?;
    ensure!(
        after >= before && after < 20_000 + 5_000,
        "copied again: {before} rows before, {after} after"
    );
    scene.finish().await
}

/// A second agent with the default patience leaves a live owner alone.
#[tokio::test]
async fn a_live_owner_is_left_alone() -> Result<()> {
    let setup = Setup {
        agents: 2,
        ..Setup::default()
    };
    let scene = Scene::start("live_owner", setup).await?;
    scene.wait_for_phase("ready").await?;
    // Longer than two liveness intervals.
    let submitted = now_ms();
    eventually("twelve seconds", Duration::from_secs(20), || async {
        ensure!(now_ms() - submitted > 12_000, "not yet");
        Ok(())
    })
    .await?;
    let status = scene.status().await?;
    ensure!(status["epoch"] == 1, "taken from a live owner: {status}");
    scene.finish().await
}

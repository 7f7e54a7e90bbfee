//! Hooks: executables that hear what happens to a migration, wherever it goes on, and that no migration waits for.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use outlast_testbed::eventually;

use crate::{
    outlast,
    scene::{PATIENCE, Scene, Setup},
};

fn write_hook(folder: &Path, name: &str, script: &str) -> Result<()> {
    let hook = folder.join(name);
    std::fs::write(&hook, format!("#!/bin/sh\n{script}\n"))?;
    std::fs::set_permissions(&hook, PermissionsExt::from_mode(0o755))?;
    Ok(())
}

fn folder(name: &str) -> Result<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/e2e")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Waits until the hooks have heard these events, in this order and no others.
async fn heard(told: &Path, expected: &[&str]) -> Result<()> {
    eventually("the hooks hear of it", PATIENCE, || async {
        let text = std::fs::read_to_string(told).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        ensure!(lines == expected, "{lines:?}, expected {expected:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn hooks_hear_what_happens_across_a_failover_and_delay_nothing() -> Result<()> {
    let hooks = folder("hooks")?;
    let told = hooks.join("told");
    let script = format!(
        "echo $OUTLAST_EVENT $OUTLAST_EPOCH $OUTLAST_SCHEMA.$OUTLAST_TABLE $OUTLAST_FAILOVERS >> {}",
        told.display()
    );
    for event in ["started", "adopted", "ready", "complete", "failed", "stale"] {
        write_hook(&hooks, &format!("on-{event}"), &script)?;
    }
    // It hangs for longer than all is copied, with a process of its own besides; what comes after it is run nevertheless.
    let left = hooks.join("left");
    let hang = format!("echo noise; sleep 1000 & echo $! > {}; wait", left.display());
    write_hook(&hooks, "on-started-0-hangs", &hang)?;
    write_hook(&hooks, "on-ready-1-fails", "exit 3")?;
    let setup = Setup {
        agent: ["--hooks", &hooks.display().to_string(), "--hook-timeout", "12s"]
            .map(str::to_owned)
            .to_vec(),
        ..Setup::quick_copy()
    };
    let scene = Scene::start("hooks", setup).await?;
    scene.wait_for_phase("ready").await?;
    let table = "test.customers";
    let (started, ready) = (format!("started 1 {table} 0"), format!("ready 1 {table} 0"));
    let so_far = std::fs::read_to_string(&told).unwrap_or_default();
    ensure!(
        !so_far.contains(&ready),
        "the migration has waited for a hook that hangs"
    );
    heard(&told, &[&started, &ready]).await?;
    let process: i32 = std::fs::read_to_string(&left)?.trim().parse()?;
    // Nobody may have buried it yet: then it has no command line any more.
    let command = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    ensure!(command.is_empty(), "what a killed hook has started lives on");

    scene.cluster.switchover(1).await?;
    let moved = scene
        .wait_for("a failover", |s| s["failovers"] == 1 && s["phase"] == "ready")
        .await?;
    ensure!(moved["epoch"] == 2, "adopted more than once: {moved}");
    let adopted = format!("adopted 2 {table} 1");
    let again = format!("ready 2 {table} 1");
    heard(&told, &[&started, &ready, &adopted, &again]).await?;
    outlast::succeed(scene.servers(), &["complete", &scene.id]).await?;
    let complete = format!("complete 2 {table} 1");
    heard(&told, &[&started, &ready, &adopted, &again, &complete]).await?;
    Ok(())
}

#[tokio::test]
async fn a_run_ends_when_its_hooks_have_heard_of_its_end() -> Result<()> {
    let hooks = folder("hooks_of_a_run")?;
    let told = hooks.join("told");
    let script = format!(
        "echo noise; echo $OUTLAST_STATUS ${{OUTLAST_PASSWORD-none}} >> {}",
        told.display()
    );
    write_hook(&hooks, "on-complete", &script)?;
    let mut scene = Scene::stage("hooks_of_a_run", &Setup::quick_copy()).await?;
    let statement = format!("ALTER TABLE test.customers {}", scene.changes);
    let hooks_option = hooks.display().to_string();
    let arguments = [
        "run",
        "--no-instant",
        "--format",
        "json",
        "--hooks",
        &hooks_option,
        &statement,
    ];
    let events = outlast::succeed(scene.servers(), &arguments).await?;
    for line in events.lines() {
        let event: Result<serde_json::Value, _> = serde_json::from_str(line);
        ensure!(event.is_ok(), "no event: {line}");
    }
    let text = std::fs::read_to_string(&told).context("no hook was run")?;
    ensure!(text == "complete none\n", "{text:?}");

    write_hook(&hooks, "on-completion", "")?;
    let refused = outlast::output(scene.servers(), &arguments).await?;
    let said = String::from_utf8_lossy(&refused.stderr);
    ensure!(
        refused.status.code() == Some(2) && said.contains("on-completion"),
        "{said}"
    );
    drop(scene.load.take());
    Ok(())
}

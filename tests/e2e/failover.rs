//! Failovers of every kind, in every phase.

use anyhow::Result;
use outlast_testbed::RelayLog;

use crate::scene::{Scene, Setup};

#[tokio::test]
async fn survives_a_planned_switchover_while_copying() -> Result<()> {
    let scene = Scene::start("switchover_while_copying", Setup::default()).await?;
    scene.wait_for_mid_copy().await?;
    scene.switchover(1).await?;
    scene.finish().await
}

#[tokio::test]
async fn survives_the_death_of_the_primary_while_copying() -> Result<()> {
    let scene = Scene::start("crash_while_copying", Setup::default()).await?;
    scene.wait_for_mid_copy().await?;
    scene.crash(1, RelayLog::AppliedFirst).await?;
    scene.finish().await
}

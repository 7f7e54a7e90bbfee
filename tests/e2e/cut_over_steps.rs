//! Every step of the cut-over, and of a change without a copy: whoever dies there, the swap is neither lost nor repeated, no write is
//! lost, and nothing stays locked.
//!
//! The points are those around every statement (`outlast_mysql::failpoints`). For each of them a migration of a table of its own is
//! brought there; then a fault befalls all that are there; then everything must have come to its right end. Migrations at points
//! that do not keep each other from getting on share a fault, which makes the matrix short enough for every run.
//!
//! Between the point after a step and the one before the next, mostly nothing happens: then only the latter is played.
//! With `OUTLAST_E2E_EVERY_POINT=1 cargo xtask e2e cut_over_steps`, both are.

mod case;
mod faults;
mod points;

use std::time::Duration;

use anyhow::Result;

use self::faults::{Fault, Stage};

/// How long anything may take. On a busy machine locks are not granted in time, and the policy's delays grow to half a minute.
const PATIENCE: Duration = Duration::from_secs(180);

/// What the application needs to go on is in the new agent's hands as soon as it looks: nothing is left to the one that died.
#[tokio::test]
async fn an_agents_death_at_any_step_of_the_cut_over_neither_loses_the_swap_nor_repeats_it() -> Result<()> {
    everywhere("steps_agent_dies", Fault::AgentDies).await
}

#[tokio::test]
async fn a_crash_of_the_primary_at_any_step_of_the_cut_over_neither_loses_the_swap_nor_repeats_it() -> Result<()> {
    everywhere("steps_primary_dies", Fault::PrimaryDies).await
}

#[tokio::test]
async fn a_switchover_at_any_step_of_the_cut_over_neither_loses_the_swap_nor_repeats_it() -> Result<()> {
    everywhere("steps_switchover", Fault::Switchover).await
}

#[tokio::test]
async fn a_lost_reply_at_any_step_of_the_cut_over_neither_loses_the_swap_nor_repeats_it() -> Result<()> {
    everywhere("steps_lost_reply", Fault::LostReply).await
}

/// The fault at every point, on one cluster.
async fn everywhere(name: &str, fault: Fault) -> Result<()> {
    let mut stage = Stage::set(name, fault).await?;
    for batch in points::batches(fault) {
        for late in stage.play(&batch).await? {
            // On a busy machine, the server has given up its session while it waited for others. It is first to come now.
            stage.play(&[late]).await?;
        }
    }
    stage.end().await
}

//! One round, from the start of its servers to the verdict.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, anyhow, ensure};
use outlast_tests::outlast;
use tokio::{
    process::Child,
    time::{Instant, timeout},
};

use crate::{
    faults::{Injected, heal, inject},
    plan::Plan,
    stage::{PATIENCE, Stage},
    verdict::{Findings, judge, judge_refusal, wait_for_end},
    watch::Watch,
};

/// A round that takes longer does not end at all. Most take less than a minute.
const LONGEST: Duration = Duration::from_secs(1200);

/// How a round ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Complete,
    /// As it had to.
    Failed(String),
    /// At submission, as it had to be.
    Refused,
    Violation(Vec<String>),
}

/// A round that is over.
pub(crate) struct Played {
    pub(crate) plan: Plan,
    pub(crate) outcome: Outcome,
    pub(crate) injected: Vec<Injected>,
    pub(crate) duration: Duration,
    pub(crate) failovers: u64,
    /// Changes of owner.
    pub(crate) adoptions: u64,
    /// Of agents, at failpoints.
    pub(crate) deaths: u64,
    pub(crate) path: String,
    /// How often the position of a server was compared with what it has executed.
    pub(crate) looks: u64,
    pub(crate) compared_rows: u64,
    pub(crate) promised_rows: u64,
    /// Distributed transactions of the application.
    pub(crate) prepared: u64,
    /// Where the servers' files are, if it failed; or why there are none.
    pub(crate) kept: Option<String>,
}

impl Played {
    /// Whether the migration was running when something happened.
    pub(crate) fn was_in_flight(&self) -> bool {
        self.injected.iter().any(|injected| injected.in_flight)
    }
}

/// What is spoilt on purpose, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// A few rows of the shadow are changed behind everybody's back.
    Rows,
}

/// Plays a round; logs and, if it fails, the servers' files are in the directory.
pub(crate) async fn play(mut plan: Plan, directory: &Path, sabotage: Option<Sabotage>) -> Played {
    let begun = Instant::now();
    if sabotage.is_some() {
        plan.complete_after = Some(plan.faults.len());
    }
    let mut played = Played {
        outcome: Outcome::Violation(Vec::new()),
        injected: Vec::new(),
        duration: Duration::ZERO,
        failovers: 0,
        adoptions: 0,
        deaths: 0,
        path: String::new(),
        looks: 0,
        compared_rows: 0,
        promised_rows: 0,
        prepared: 0,
        kept: None,
        plan,
    };
    match Stage::set(&played.plan, directory).await {
        Ok(mut stage) => {
            let outcome = timeout(LONGEST, on_stage(&mut stage, &mut played, sabotage))
                .await
                .unwrap_or_else(|_| Err(anyhow!("it was given up after {LONGEST:?}")));
            played.outcome = outcome
                .unwrap_or_else(|error| Outcome::Violation(vec![format!("it did not come to an end: {error:#}")]));
            if let Outcome::Violation(violations) = &played.outcome {
                for violation in violations {
                    stage.note(&format!("VIOLATION: {violation}"));
                }
                played.kept = Some(
                    stage
                        .keep()
                        .map_or_else(|error| format!("{error:#}"), |kept| kept.display().to_string()),
                );
            }
        }
        Err(error) => played.outcome = Outcome::Violation(vec![format!("it could not begin: {error:#}")]),
    }
    played.duration = begun.elapsed();
    played
}

async fn on_stage(stage: &mut Stage, played: &mut Played, sabotage: Option<Sabotage>) -> Result<Outcome> {
    if let Err(said) = stage.submit(&played.plan).await? {
        judge_refusal(stage, &played.plan, &said).await?;
        return Ok(Outcome::Refused);
    }
    let watch = Watch::start(stage.cluster.clone(), &stage.id);
    let through = through_the_faults(stage, played, sabotage).await;
    let (looks, ahead) = watch.stop().await?;
    played.looks = looks;
    through?;
    let plan = &played.plan;
    let state = wait_for_end(stage, plan).await;
    stage.revive_agents()?;
    let state = state?;
    stage.note(&format!("ended: {state:?}"));
    played.failovers = state.failovers;
    played.adoptions = stage.adoptions().await?;
    played.deaths = stage.deaths;
    played.path = state.path.clone().unwrap_or_default();
    // The table is in service.
    let load = stage.load.as_ref().context("no load")?;
    load.wait_for_progress(30, PATIENCE)
        .await
        .context("the application is not served")?;
    stage.stop_load().await?;
    stage.stop_errands().await?;
    played.prepared = stage.errands.prepared;
    stage.stop_agents().await?;
    stage.note("all writers have stopped");
    let Findings {
        mut violations,
        compared_rows,
        promised_rows,
    } = judge(stage, plan, &state, &played.injected).await;
    stage.note("judged");
    violations.extend(ahead);
    played.compared_rows = compared_rows;
    played.promised_rows = promised_rows;
    if !violations.is_empty() {
        return Ok(Outcome::Violation(violations));
    }
    Ok(match state.status.as_str() {
        "complete" => Outcome::Complete,
        _ => Outcome::Failed(state.message),
    })
}

async fn through_the_faults(stage: &mut Stage, played: &mut Played, sabotage: Option<Sabotage>) -> Result<()> {
    let faults = played.plan.faults.clone();
    let mut completion: Option<Child> = None;
    for (index, planned) in faults.iter().enumerate() {
        if played.plan.complete_after == Some(index) {
            completion = Some(begin_to_complete(stage)?);
        }
        let injected = inject(
            stage,
            planned,
            played.plan.rows,
            played.plan.may_be_instant,
            &mut played.plan.rng,
        )
        .await?;
        played.injected.extend(injected);
    }
    if let Some(mut completion) = completion {
        // It is asked again at the end, if it was not heard: a server that waits for replicas that are gone doesn't answer.
        if timeout(PATIENCE, completion.wait()).await.is_err() {
            stage.note("outlast complete was not heard");
            completion.kill().await.context("ending outlast complete")?;
        }
    }
    stage.all_thawed().await?;
    heal(stage).await?;
    match sabotage {
        Some(Sabotage::Rows) => spoil_rows(stage).await,
        None => Ok(()),
    }
}

/// `outlast complete` beside what else happens.
fn begin_to_complete(stage: &Stage) -> Result<Child> {
    stage.note("outlast complete, in the background");
    outlast::command(&stage.servers(), &["complete", &stage.id])?
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .context("starting outlast complete")
}

/// Changes rows of the shadow once everything is copied, as no owner would.
async fn spoil_rows(stage: &Stage) -> Result<()> {
    outlast_testbed::eventually("everything is copied", PATIENCE, || async {
        let state = stage.state().await?.ok_or_else(|| anyhow!("no migration"))?;
        ensure!(state.phase == "ready", "{state:?}");
        Ok(())
    })
    .await?;
    stage.note("sabotage: rows of the shadow are changed");
    stage
        .cluster
        .primary()
        .execute(&format!(
            "UPDATE _outlast_new_{}.customers SET version = version + 1 WHERE id BETWEEN 11 AND 40",
            stage.id
        ))
        .await
}

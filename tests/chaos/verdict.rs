//! Whether a round ended as it may. Everything is checked, whatever was found before.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mysql_async::{Conn, prelude::Queryable};
use outlast_testbed::{TableName, compare_definitions, expect_identical, native_copy};
use outlast_tests::outlast;
use tokio::time::{Instant, sleep};

use crate::{
    faults::{Injected, all_caught_up},
    history::History,
    plan::{Fault, Plan},
    stage::{PATIENCE, Stage, State, definition},
};

/// How long the application may wait in a round that touches no server: the product holds the table for 2 s at most, and the
/// server notices within 5 s that an agent froze in that moment. The machine is busy.
const LONGEST_STALL: Duration = Duration::from_secs(12);

/// Rows that must be compared at least, however long the application went on after the swap.
const LEAST_COMPARED: u64 = 100;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Empty if all is as it must be.
    pub(crate) violations: Vec<String>,
    /// Rows that were compared with what MySQL's own ALTER makes of the source.
    pub(crate) compared_rows: u64,
    /// Rows that the application wrote and remembered, compared with what is there.
    pub(crate) promised_rows: u64,
}

impl Findings {
    fn add(&mut self, what: &str, outcome: Result<()>) {
        if let Err(error) = outcome {
            self.violations.push(format!("{what}: {error:#}"));
        }
    }
}

/// Judges a round whose migration has ended. The agents and the application are stopped.
pub(crate) async fn judge(stage: &mut Stage, plan: &Plan, state: &State, injected: &[Injected]) -> Findings {
    let mut findings = Findings::default();
    let caught_up = all_caught_up(stage).await;
    findings.add("a replica doesn't follow", caught_up);
    findings.add("how it ended", ending(stage, plan, state, injected).await);
    match rows(stage, plan, state).await {
        Ok(count) => findings.compared_rows = count,
        Err(error) => findings.violations.push(format!("rows: {error:#}")),
    }
    match promises(stage).await {
        Ok(count) => findings.promised_rows = count,
        Err(error) => findings.violations.push(format!("acknowledged writes: {error:#}")),
    }
    findings.add("the application", application(stage, injected));
    findings.add("replicas", replicas(stage).await);
    findings.add("owners", owners(stage).await);
    findings.add("locks", locks(stage).await);
    findings.add("leftovers", leftovers(stage, state).await);
    findings
}

/// A status and a message that fit what happened.
async fn ending(stage: &Stage, plan: &Plan, state: &State, injected: &[Injected]) -> Result<()> {
    let mut conn = stage.cluster.primary().connect().await?;
    if state.status == "complete" {
        ensure!(!plan.change.must_fail, "it is complete, though some rows don't fit");
        let definition = definition(&mut conn, &stage.table).await?;
        ensure!(
            definition != stage.definition,
            "it is complete, and the table is as it was"
        );
        return Ok(());
    }
    let definition = definition(&mut conn, &stage.table).await?;
    ensure!(
        definition == stage.definition,
        "it has {}, and the source was changed:\n{}\ninstead of\n{}",
        state.status,
        definition,
        stage.definition
    );
    let is_explained = injected.iter().any(|injected| injected.fault.explains(&state.message));
    ensure!(
        plan.change.must_fail || is_explained,
        "it has {}: {}",
        state.status,
        state.message
    );
    Ok(())
}

/// Compares the table, but for rows that the application changed after the swap, with what MySQL's own ALTER makes of the
/// retired one; returns how many rows. And compares what the binlog says was done with what should have been done.
async fn rows(stage: &Stage, plan: &Plan, state: &State) -> Result<u64> {
    let node = stage.cluster.primary();
    let mut conn = node.connect().await?;
    let history = History::read(stage).await?;
    history.expect_one_owner_of_each_epoch()?;
    ensure!(!history.owners.is_empty(), "the binlog shows no owner at all");
    let is_copy = state.path.as_deref() == Some("copy");
    let (swaps, alters) = match (state.status.as_str(), is_copy) {
        ("complete", true) => (1, 0),
        ("complete", false) => (0, 1),
        _ => (0, 0),
    };
    ensure!(
        (history.swaps, history.alters) == (swaps, alters),
        "{} swaps and {} ALTERs of the table were done, instead of {swaps} and {alters}",
        history.swaps,
        history.alters
    );
    let (expected, actual) = (TableName::new("test", "expected"), TableName::new("test", "actual"));
    if state.status != "complete" {
        // The same must happen to MySQL's own ALTER.
        let native = native_copy(&mut conn, &stage.table, &expected, &plan.change.clauses).await;
        ensure!(
            native.is_err() || !plan.change.must_fail,
            "MySQL's own ALTER does not fail on these rows: the round is wrong"
        );
        return Ok(0);
    }
    let source = match is_copy {
        true => TableName::new(format!("_outlast_old_{}", stage.id), "customers"),
        false => stage.table.clone(),
    };
    if !is_copy {
        // MySQL did it. What it makes of an empty table of the old definition is what there must be now.
        conn.query_drop("SET SESSION sql_log_bin = OFF").await?;
        let create = stage.definition.replacen("`customers`", "test.expected", 1);
        conn.query_drop(create).await?;
        conn.query_drop(format!("ALTER TABLE test.expected {}", plan.change.clauses))
            .await?;
        return definitions(&mut conn, &expected, &source).await.map(|()| 0);
    }
    native_copy(&mut conn, &source, &expected, &plan.change.clauses)
        .await
        .context("MySQL's own ALTER of the retired table")?;
    definitions(&mut conn, &expected, &stage.table).await?;
    native_copy(&mut conn, &stage.table, &actual, "ALGORITHM = DEFAULT").await?;
    conn.query_drop("SET SESSION sql_log_bin = OFF").await?;
    let changed: Vec<String> = history.changed_after_swap.iter().map(u64::to_string).collect();
    for ids in changed.chunks(1000) {
        let ids = ids.join(",");
        for table in [&expected, &actual] {
            conn.query_drop(format!("DELETE FROM {table} WHERE id IN ({ids})"))
                .await?;
        }
    }
    expect_identical(&mut conn, &expected, &actual).await?;
    let count: Option<u64> = conn.query_first(format!("SELECT COUNT(*) FROM {actual}")).await?;
    let count = count.unwrap_or(0);
    // A comparison of nothing proves nothing. What the application changed after the swap counts as there.
    let (changed, enough) = (changed.len() as u64, plan.rows / 4);
    ensure!(
        count >= LEAST_COMPARED && count + changed > enough,
        "only {count} rows were compared, and {changed} had changed after the swap"
    );
    Ok(count)
}

async fn definitions(conn: &mut Conn, expected: &TableName, actual: &TableName) -> Result<()> {
    let differences = compare_definitions(conn, expected, actual).await?;
    ensure!(
        differences.is_empty(),
        "the table is not defined as MySQL's own ALTER defines it:\n  {}",
        differences.join("\n  ")
    );
    Ok(())
}

/// No write that was acknowledged since the last lossy promotion is missing; returns how many rows were compared.
async fn promises(stage: &Stage) -> Result<u64> {
    let mut conn = stage.cluster.primary().connect().await?;
    // What was promised in earlier chapters may be lost: each ended with such a promotion.
    let last = stage.chapters.last().context("the application has not run")?;
    let verification = last.verify_acknowledged(&mut conn).await?;
    let compared = verification.rows as u64;
    verification.expect_no_loss()?;
    ensure!(compared > 0, "the application has written nothing");
    Ok(compared)
}

/// None of the application's statements failed but by the faults themselves, and none waited for long.
fn application(stage: &Stage, injected: &[Injected]) -> Result<()> {
    let touches_servers = injected.iter().any(|injected| injected.fault.touches_servers());
    let was_full = injected
        .iter()
        .any(|injected| matches!(injected.fault, Fault::DiskFull { .. }));
    if was_full {
        return Ok(());
    }
    stage.errands.expect_no_errors()?;
    for chapter in &stage.chapters {
        let unexplained = chapter.unexplained_errors();
        ensure!(unexplained.is_empty(), "its statements failed: {unexplained:?}");
        if !touches_servers && let Some(stall) = &chapter.longest_stall {
            ensure!(
                stall.duration < LONGEST_STALL,
                "a statement waited for {:?} although no server was touched: {}",
                stall.duration,
                stall.sql
            );
        }
    }
    Ok(())
}

/// Every server holds the same rows as the primary.
async fn replicas(stage: &Stage) -> Result<()> {
    let checksum = "CHECKSUM TABLE test.customers EXTENDED";
    let (_, expected): (String, Option<u64>) = stage.cluster.primary().query_one(checksum).await?;
    ensure!(expected.is_some(), "the table has no checksum");
    for index in stage.cluster.replicas() {
        let node = stage.cluster.node(index);
        let (_, found): (String, Option<u64>) = node.query_one(checksum).await?;
        ensure!(found == expected, "node {index} holds other rows than the primary");
        let state = stage.state_on(node).await?;
        ensure!(
            state.as_ref().is_some_and(State::has_ended),
            "node {index} does not know that the migration has ended: {state:?}"
        );
    }
    Ok(())
}

/// The history in `_outlast.events` names one owner for each epoch.
async fn owners(stage: &Stage) -> Result<()> {
    let twice: Vec<(u64, u64)> = stage
        .cluster
        .primary()
        .query(&format!(
            "SELECT epoch, COUNT(*) FROM _outlast.events WHERE migration = '{}' AND kind = 'adopted' GROUP BY epoch \
             HAVING COUNT(*) > 1",
            stage.id
        ))
        .await?;
    ensure!(twice.is_empty(), "epochs with several owners, and how many: {twice:?}");
    Ok(())
}

/// Nobody holds the table.
async fn locks(stage: &Stage) -> Result<()> {
    let mut conn = stage.cluster.primary().connect().await?;
    conn.query_drop("SET SESSION lock_wait_timeout = 5, sql_log_bin = OFF")
        .await?;
    conn.query_drop(format!("LOCK TABLES {} WRITE", stage.table))
        .await
        .context("somebody holds the table")?;
    conn.query_drop("UNLOCK TABLES").await?;
    Ok(())
}

/// Only those schemas are left that must be; and `outlast cleanup` leaves none.
async fn leftovers(stage: &Stage, state: &State) -> Result<()> {
    let own = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '\\_outlast\\_%' ORDER BY 1";
    let mut schemas: Vec<String> = stage.cluster.primary().query(own).await?;
    if state.status != "complete" {
        // Made for the source long before the swap; until then nothing is in it.
        let retired = format!("_outlast_old_{}", stage.id);
        let sql = format!("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{retired}'");
        let tables: u64 = stage.cluster.primary().query_one(&sql).await?;
        schemas.retain(|schema| *schema != retired || tables > 0);
    }
    let is_copy = state.path.as_deref() == Some("copy");
    let expected: Vec<String> = match (state.status.as_str(), is_copy) {
        ("complete", true) => vec![format!("_outlast_old_{}", stage.id)],
        ("complete", false) => Vec::new(),
        // What was copied stays for a retry, if there was anything.
        _ => schemas
            .iter()
            .filter(|name| **name == format!("_outlast_new_{}", stage.id))
            .cloned()
            .collect(),
    };
    ensure!(schemas == expected, "{schemas:?} instead of {expected:?}");
    outlast::succeed(&stage.servers(), &["cleanup", &stage.id]).await?;
    let schemas: Vec<String> = stage.cluster.primary().query(own).await?;
    ensure!(schemas.is_empty(), "outlast cleanup left {schemas:?}");
    Ok(())
}

/// What a refusal at submission must look like.
pub(crate) async fn judge_refusal(stage: &Stage, plan: &Plan, said: &str) -> Result<()> {
    let mut conn = stage.cluster.primary().connect().await?;
    let now = definition(&mut conn, &stage.table).await?;
    ensure!(now == stage.definition, "it was refused, and the table was changed");
    ensure!(plan.change.must_fail, "it was refused, though all rows fit: {said}");
    let expected = TableName::new("test", "expected");
    let native = native_copy(&mut conn, &stage.table, &expected, &plan.change.clauses).await;
    ensure!(
        native.is_err(),
        "MySQL's own ALTER does not fail on these rows: the round is wrong"
    );
    Ok(())
}

/// Waits for the end of the migration; asks once more for its completion if that was lost with a server. As long as rows are
/// copied or phases change it has time: the machine may be slow.
pub(crate) async fn wait_for_end(stage: &mut Stage, plan: &Plan) -> Result<State> {
    let begun = Instant::now();
    let mut last = (String::new(), 0);
    let mut moved = begun;
    loop {
        stage.revive_agents()?;
        let state = stage
            .state()
            .await?
            .context("the primary does not know the migration")?;
        if state.has_ended() {
            return Ok(state);
        }
        if plan.complete_after.is_some() && !state.complete_requested {
            stage.ask_to_complete().await?;
        }
        let now = (state.phase.clone(), stage.copied_rows().await?);
        if now != last {
            (last, moved) = (now, Instant::now());
        }
        ensure!(
            moved.elapsed() < PATIENCE,
            "it has not moved for {PATIENCE:?}: {state:?}, {last:?}"
        );
        ensure!(
            begun.elapsed() < 4 * PATIENCE,
            "it does not end within {:?}: {state:?}, {last:?}",
            4 * PATIENCE
        );
        sleep(Duration::from_millis(50)).await;
    }
}

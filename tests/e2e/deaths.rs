//! Owners that die one after the other.

use std::{os::unix::process::ExitStatusExt, process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use outlast_testbed::{Cluster, Topology};

use crate::{outlast, twin::Twins};

const CHANGES: &str = "ADD COLUMN note VARCHAR(40) NOT NULL DEFAULT 'none', ADD INDEX (amount)";
/// More steps than a migration has.
const MOST_LIVES: u32 = 150;
/// How long a life may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The n-th owner dies at the n-th point that it reaches, from the adoption on; the one that finds less to do than that ends the
/// migration. (The first ones come no further than adoption, those after them create the shadow again and again.)
#[tokio::test]
async fn a_migration_whose_owners_all_die_at_their_next_step_is_completed_by_the_last_of_them() -> Result<()> {
    let cluster = Cluster::start(Topology::Single).await?;
    let twins = Twins::create(&cluster, 0).await?;
    let load = twins.write(&cluster).await?;
    let statement = format!("ALTER TABLE {} {CHANGES}", twins.migrated);
    let servers = cluster.addresses();
    let mut submit = vec!["submit", statement.as_str(), "--no-instant", "--format", "json"];
    submit.extend([
        "--defer-indexes",
        "--chunk-rows",
        "500",
        "--policy-param",
        "takeover_after=200ms",
    ]);
    let submitted = outlast::json(&servers, &submit).await?;
    let id = submitted["migration"].as_str().context("no migration")?;
    let mut lives = 0;
    loop {
        lives += 1;
        ensure!(lives <= MOST_LIVES, "{lives} owners have not completed it");
        let mut resume = outlast::command(&servers, &["resume", id, "--liveness-interval", "200ms"])?;
        let rules = format!("{};*=die@{lives}", outlast::recording());
        resume
            .env("OUTLAST_FAILPOINTS", rules)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let life = tokio::time::timeout(PATIENCE, resume.output());
        let output = life.await.with_context(|| format!("owner {lives} does not end"))??;
        if output.status.code() == Some(0) {
            break;
        }
        let said = String::from_utf8_lossy(&output.stderr);
        // It died with the status committed: there is nothing to resume.
        if said.contains("is complete already") {
            break;
        }
        ensure!(
            output.status.signal() == Some(9),
            "owner {lives} ended with {}: {said}",
            output.status
        );
    }
    println!("complete after {lives} owners");
    ensure!(lives > 20, "{lives} owners can't have died in all steps");
    load.wait_for_progress(5, PATIENCE).await?;
    let report = load.stop().await?;
    let unexplained = report.unexplained_errors();
    ensure!(
        unexplained.is_empty(),
        "the application's statements failed: {unexplained:?}"
    );
    let mut conn = cluster.primary().connect().await?;
    report.verify_acknowledged(&mut conn).await?.expect_no_loss()?;
    twins.expect_migrated(&mut conn, CHANGES).await?;
    let left = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '\\_outlast\\_%'";
    let left: Vec<String> = cluster.primary().query(left).await?;
    ensure!(
        left == [format!("_outlast_old_{id}")],
        "these schemas are left: {left:?}"
    );
    Ok(())
}

//! Changes that MySQL makes itself, without a copy: exactly once, whoever dies when, and without holding the application up.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mysql_async::{Conn, Row, prelude::Queryable};
use outlast_testbed::{Cluster, LoadReport, RelayLog, Topology, eventually};
use serde_json::Value;

use crate::{
    outlast,
    scene::{PATIENCE, Scene, Setup},
};

/// Run twice, it would undo itself.
const SWAP: &str = "RENAME COLUMN one TO two, RENAME COLUMN two TO one";

/// A scene whose migration may be instant, postponed and ready.
async fn ready(name: &str, changes: &'static str, agents: usize) -> Result<Scene> {
    let setup = Setup {
        agents,
        changes,
        rows: 5_000,
        transactions_per_second: 200.0,
        ..Setup::default()
    };
    let mut scene = Scene::stage(name, &setup).await?;
    scene.may_be_instant = true;
    let columns =
        "ALTER TABLE test.customers ADD COLUMN one INT NOT NULL DEFAULT 1, ADD COLUMN two INT NOT NULL DEFAULT 2";
    scene.cluster.primary().execute(columns).await?;
    for agent in 0..agents {
        scene.start_agent(&format!("agent-{agent}"), &["--liveness-interval", "1s"])?;
    }
    scene.submit(&["--policy-param", "takeover_after=8s"]).await?;
    scene.wait_for_phase("ready").await?;
    Ok(scene)
}

/// The names of the table's last two columns, and what the first row holds there.
async fn last_two(scene: &Scene) -> Result<(Vec<String>, (i32, i32))> {
    let columns: Vec<Row> = scene
        .cluster
        .primary()
        .query("SHOW COLUMNS FROM test.customers")
        .await?;
    let names = columns.iter().filter_map(|column| column.get::<String, _>(0));
    let names: Vec<String> = names.collect();
    let values = "SELECT one, two FROM test.customers ORDER BY id LIMIT 1";
    let values = scene.cluster.primary().query_one(values).await?;
    Ok((names[names.len() - 2..].to_vec(), values))
}

async fn expect_swapped_once(scene: &Scene) -> Result<()> {
    let (names, values) = last_two(scene).await?;
    ensure!(names == ["two", "one"] && values == (2, 1), "{names:?} {values:?}");
    Ok(())
}

async fn complete(scene: &Scene) -> Result<Value> {
    let status = scene.wait_for("completion", |s| s["status"] != "running").await?;
    ensure!(
        status["status"] == "complete",
        "the migration ended otherwise: {status}"
    );
    Ok(status)
}

/// Stops the load; none of its statements may have failed. Says how long the slowest of them took.
async fn stop_load(scene: &mut Scene) -> Result<(LoadReport, Duration)> {
    let report = scene.load.take().context("no load")?.stop().await?;
    let unexplained = report.unexplained_errors();
    ensure!(unexplained.is_empty(), "statements failed: {unexplained:?}");
    let longest = report
        .longest_stall
        .as_ref()
        .map_or(Duration::ZERO, |stall| stall.duration);
    println!("{}: the application's slowest statement took {longest:?}", scene.name);
    Ok((report, longest))
}

/// The owner and the other of two agents.
async fn owner_and_other(scene: &Scene) -> Result<(String, String)> {
    let status = scene.status().await?;
    let owner = status["owner"]["agent"].as_str().context("no owner")?.to_owned();
    let other = if owner == "agent-0" { "agent-1" } else { "agent-0" };
    Ok((owner, other.to_owned()))
}

/// An open HANDLER lets LOCK TABLES pass and keeps ALTER TABLE waiting.
async fn hold(scene: &Scene) -> Result<Conn> {
    let mut holder = scene.cluster.primary().connect().await?;
    holder.query_drop("HANDLER test.customers OPEN AS held").await?;
    Ok(holder)
}

async fn let_go(mut holder: Conn) -> Result<()> {
    holder.query_drop("HANDLER held CLOSE").await.context("letting go")
}

/// Freezes the owner in the very moment in which the server works on its ALTER TABLE, under the owner's lock.
async fn freeze_in_the_alter(scene: &Scene, owner: &str) -> Result<()> {
    let mut conn = scene.cluster.primary().connect().await?;
    let working =
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'ALTER TABLE `test`.`customers`%'";
    let begun = Instant::now();
    loop {
        ensure!(begun.elapsed() < PATIENCE, "the owner never came to its ALTER TABLE");
        if conn.query_first::<u64, _>(working).await? != Some(1) {
            continue;
        }
        scene.signal_agent(owner, "STOP").await?;
        // The owner would have had it killed after 250 ms.
        if conn.query_first::<u64, _>(working).await? == Some(1) {
            return Ok(());
        }
        scene.signal_agent(owner, "CONT").await?;
    }
}

/// The usual case, under load: a moment, and nothing is copied.
#[tokio::test]
async fn a_column_is_added_instantly_and_the_application_hardly_waits() -> Result<()> {
    let mut scene = ready(
        "instant_under_load",
        "ADD COLUMN note VARCHAR(40) NOT NULL DEFAULT 'none'",
        1,
    )
    .await?;
    let status = scene.status().await?;
    ensure!(
        status["path"] == "instant" && status["ready_to_complete"] == true && status["shadow_table"].is_null(),
        "{status}"
    );
    let asked = Instant::now();
    scene.ask_to_complete().await?;
    let status = complete(&scene).await?;
    println!("complete after {:?}", asked.elapsed());
    ensure!(
        status["path"] == "instant" && status["rows_copied"] == 0 && status["retired_table"].is_null(),
        "{status}"
    );
    scene.wait_for_event("path", "instant: ALTER TABLE").await?;
    let load = scene.load.as_ref().context("no load")?;
    load.wait_for_progress(200, PATIENCE).await?;
    let (_, longest) = stop_load(&mut scene).await?;
    ensure!(longest < Duration::from_secs(1), "the application waited {longest:?}");
    let sql = "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '\\_outlast\\_%'";
    let left: u64 = scene.cluster.primary().query_one(sql).await?;
    ensure!(left == 0, "{left} schemas are left");
    scene.command(&["cleanup"]).await?;
    // The same table, and the same kind of change, by a copy.
    scene.changes = "DROP COLUMN note";
    scene.may_be_instant = false;
    scene.submit(&[]).await?;
    let status = scene.wait_for_phase("ready").await?;
    ensure!(
        status["shadow_table"].is_string() && status["retired_table"].is_null(),
        "{status}"
    );
    scene.ask_to_complete().await?;
    let status = complete(&scene).await?;
    ensure!(
        status["path"] == "copy" && status["shadow_table"].is_null() && status["retired_table"].is_string(),
        "{status}"
    );
    scene.wait_for_event("path", "--no-instant").await
}

/// The owner freezes while its statement runs; the server carries it out, and nobody is told.
#[tokio::test]
async fn a_change_whose_owner_froze_in_it_is_not_made_again() -> Result<()> {
    let mut scene = ready("instant_frozen_after", SWAP, 2).await?;
    let (owner, other) = owner_and_other(&scene).await?;
    let holder = hold(&scene).await?;
    scene.ask_to_complete().await?;
    freeze_in_the_alter(&scene, &owner).await?;
    let_go(holder).await?;
    let status = complete(&scene).await;
    scene.signal_agent(&owner, "CONT").await?;
    let status = status?;
    ensure!(status["owner"]["agent"] == other.as_str(), "{status}");
    ensure!(status["message"] == "" && status["failovers"] == 0, "{status}");
    scene.wait_for_log_of(&owner, "run ended").await?;
    stop_load(&mut scene).await?;
    expect_swapped_once(&scene).await
}

/// The owner freezes in front of its statement; another one makes the change; thawed, the first must not undo it.
#[tokio::test]
async fn a_change_is_not_made_again_by_an_owner_that_froze_before_it() -> Result<()> {
    let mut scene = ready("instant_frozen_before", SWAP, 2).await?;
    let (owner, other) = owner_and_other(&scene).await?;
    let holder = hold(&scene).await?;
    scene.ask_to_complete().await?;
    freeze_in_the_alter(&scene, &owner).await?;
    // Its statement times out, and its session ends, for it says nothing.
    let adopted = scene
        .wait_for("the other's adoption", |s| s["owner"]["agent"] == other.as_str())
        .await;
    let_go(holder).await?;
    let status = complete(&scene).await;
    scene.signal_agent(&owner, "CONT").await?;
    adopted?;
    status?;
    scene.wait_for_log_of(&owner, "run ended").await?;
    stop_load(&mut scene).await?;
    expect_swapped_once(&scene).await
}

/// The primary dies when the change is made and nobody has reported it.
async fn after_the_primary_s_death(name: &str, is_replicated: bool) -> Result<Scene> {
    let mut scene = ready(name, SWAP, 1).await?;
    let owner = "agent-0";
    let holder = hold(&scene).await?;
    scene.ask_to_complete().await?;
    scene.wait_for_phase("cutting-over").await?;
    if !is_replicated {
        for replica in [1, 2] {
            scene.wait_until_replicated(replica).await?;
            scene.cluster.node(replica).execute("STOP REPLICA IO_THREAD").await?;
        }
    }
    freeze_in_the_alter(&scene, owner).await?;
    let_go(holder).await?;
    eventually("the change is made", PATIENCE, || expect_swapped_once(&scene)).await?;
    if is_replicated {
        for replica in [1, 2] {
            scene.wait_until_replicated(replica).await?;
        }
    }
    scene.cluster.primary().kill9();
    scene.kill_agent(owner).await?;
    scene.cluster.promote(1, RelayLog::AppliedFirst).await?;
    let (names, _) = last_two(&scene).await?;
    ensure!(
        (names == ["two", "one"]) == is_replicated,
        "the promoted server has other columns: {names:?}"
    );
    scene.start_agent("agent-late", &[])?;
    let status = complete(&scene).await?;
    ensure!(status["failovers"] == 1 && status["path"] == "instant", "{status}");
    stop_load(&mut scene).await?;
    Ok(scene)
}

#[tokio::test]
async fn a_promoted_server_that_has_the_change_does_not_get_it_again() -> Result<()> {
    let scene = after_the_primary_s_death("instant_replicated", true).await?;
    expect_swapped_once(&scene).await
}

#[tokio::test]
async fn a_promoted_server_that_lacks_the_change_gets_it() -> Result<()> {
    let scene = after_the_primary_s_death("instant_lost", false).await?;
    expect_swapped_once(&scene).await
}

/// The change waits for as long as it takes, and the application for a fraction of a second.
#[tokio::test]
async fn a_long_transaction_delays_the_change_and_not_the_application() -> Result<()> {
    let mut scene = ready("instant_long_transaction", SWAP, 1).await?;
    let mut long = scene.cluster.primary().connect().await?;
    for sql in ["BEGIN", "SELECT COUNT(*) FROM test.customers"] {
        long.query_drop(sql).await?;
    }
    let asked = Instant::now();
    scene.ask_to_complete().await?;
    scene
        .wait_for("some attempts", |s| {
            // One that came between two looks is not missed.
            let attempt = |message: &str| message.strip_prefix("attempt ")?.split(' ').next()?.parse::<u32>().ok();
            s["message"].as_str().and_then(attempt) >= Some(3)
        })
        .await?;
    let status = scene.status().await?;
    ensure!(status["phase"] == "cutting-over", "{status}");
    let held = asked.elapsed();
    long.query_drop("COMMIT").await?;
    complete(&scene).await?;
    let (_, longest) = stop_load(&mut scene).await?;
    // On a busy machine anything takes a second now and then; who queues behind the change waits for the transaction's end.
    let bound = (held / 2).max(Duration::from_secs(1));
    ensure!(longest < bound, "the application waited {longest:?} of {held:?}");
    expect_swapped_once(&scene).await
}

/// Postponed, it can be cancelled, tried again, and outlives a switchover.
#[tokio::test]
async fn a_postponed_change_waits_to_be_asked_for() -> Result<()> {
    let scene = ready("instant_postponed", SWAP, 1).await?;
    scene.command(&["cancel"]).await?;
    scene.wait_for("cancellation", |s| s["status"] == "cancelled").await?;
    let (names, _) = last_two(&scene).await?;
    ensure!(names == ["one", "two"], "a cancelled change was made: {names:?}");
    scene.command(&["retry"]).await?;
    scene.wait_for_phase("ready").await?;
    scene.cluster.switchover(1).await?;
    scene
        .wait_for("adoption", |s| s["failovers"] == 1 && s["phase"] == "ready")
        .await?;
    scene.ask_to_complete().await?;
    complete(&scene).await?;
    expect_swapped_once(&scene).await
}

/// An empty clone takes one more change; the table itself has had as many as the server allows.
#[tokio::test]
async fn a_change_that_turns_out_to_need_a_copy_is_copied() -> Result<()> {
    let mut scene = ready("instant_impossible", "ADD COLUMN note INT", 1).await?;
    // So many changes by others would fail the application's prepared statements.
    stop_load(&mut scene).await?;
    // Each leaves the definition as it was, and the server allows 64 or 255 of them.
    let mut conn = scene.cluster.primary().connect().await?;
    let again = "ALTER TABLE test.customers DROP COLUMN two, ADD COLUMN two INT NOT NULL DEFAULT 2, ALGORITHM=INSTANT";
    let refused = loop {
        if let Err(error) = conn.query_drop(again).await {
            break error.to_string();
        }
    };
    ensure!(refused.contains("row version"), "{refused}");
    let status = scene.status().await?;
    ensure!(status["path"] == "instant", "{status}");
    scene.ask_to_complete().await?;
    let status = complete(&scene).await?;
    ensure!(
        status["path"] == "copy" && status["rows_copied"].as_u64() > Some(0),
        "{status}"
    );
    scene.wait_for_event("path", "row version").await
}

/// Which way each statement would go.
#[tokio::test]
async fn a_dry_run_tells_the_path() -> Result<()> {
    let cluster = Cluster::start(Topology::Single).await?;
    let primary = cluster.primary();
    for sql in [
        "CREATE TABLE test.t (id INT PRIMARY KEY, a INT, b INT, s VARCHAR(20), KEY ka (a)) AUTO_INCREMENT = 7",
        "CREATE TABLE test.keyless (a INT)",
        "SET GLOBAL innodb_default_row_format = compact",
        "CREATE TABLE test.compact (id INT PRIMARY KEY, a INT, KEY ka (a))",
        "SET GLOBAL innodb_default_row_format = dynamic",
    ] {
        primary.execute(sql).await?;
    }
    let servers = cluster.addresses();
    let mut wrong = Vec::new();
    for (table, changes, expected) in [
        ("t", "ADD c INT", "instant"),
        ("t", "ADD c INT NOT NULL DEFAULT 5 FIRST, DROP b", "instant"),
        ("t", "ALTER a SET DEFAULT 3", "instant"),
        ("t", "RENAME COLUMN a TO b, RENAME COLUMN b TO a", "instant"),
        ("t", "RENAME INDEX ka TO kb", "in-place"),
        ("t", "DROP INDEX ka", "in-place"),
        ("t", "MODIFY s VARCHAR(60)", "in-place"),
        ("t", "COMMENT = 'x'", "in-place"),
        ("t", "MODIFY s VARCHAR(300)", "copy"),
        ("t", "ADD INDEX (b)", "copy"),
        ("t", "MODIFY a BIGINT", "copy"),
        ("t", "ADD d DATE NOT NULL", "copy"),
        ("t", "ADD CHECK (a > 0)", "copy"),
        ("t", "ENGINE = InnoDB", "copy"),
        // Nobody could tell afterwards whether it has been done.
        ("t", "AUTO_INCREMENT = 1000", "copy"),
        ("t", "DROP s, ADD s VARCHAR(20)", "copy"),
        ("t", "ADD c INT, ALGORITHM = COPY", "copy"),
        ("t", "ADD c INT, LOCK = SHARED", "copy"),
        ("t", "ADD c INT, LOCK = NONE", "instant"),
        ("t", "ADD c INT, ALGORITHM = INSTANT", "instant"),
        ("t", "ALGORITHM = INSTANT, ADD c INT, ALGORITHM = COPY", "copy"),
        ("t", "ADD c INT, ALGORITHM = INPLACE", "copy"),
        ("t", "RENAME INDEX ka TO kb, ALGORITHM = INPLACE", "in-place"),
        ("t", "ADD c INT PARTITION BY HASH (id)", "copy"),
        // What needs no copy needs no key to copy by.
        ("keyless", "ADD c INT", "instant"),
        // In place on a clone, but not on a table of another row format.
        ("compact", "RENAME INDEX ka TO kb", "copy"),
        ("compact", "ADD c INT", "instant"),
    ] {
        let statement = format!("ALTER TABLE test.{table} {changes}");
        let arguments = ["run", &statement, "--dry-run", "--format", "json"];
        let said = outlast::json(&servers, &arguments).await;
        match said {
            Ok(said) if said["path"] == expected => {}
            Ok(said) => wrong.push(format!("{statement}: {} instead of {expected}", said["path"])),
            Err(error) => wrong.push(format!("{statement}: {error:#}")),
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (arguments, word) in [
        (
            &["ALTER TABLE test.t ADD INDEX (b), ALGORITHM = INSTANT"][..],
            "INSTANT",
        ),
        (
            &["ALTER TABLE test.t ADD c INT, ALGORITHM = INSTANT", "--no-instant"],
            "--no-instant",
        ),
        (
            &["ALTER TABLE test.keyless ADD c INT", "--no-instant"],
            "no key to copy by",
        ),
    ] {
        let output = outlast::output(&servers, &[&["run"], arguments].concat()).await?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.code() == Some(3) && said.contains(word), "{said}");
    }
    Ok(())
}

//! `outlast doctor` sees what is wrong on each server, and what it says to run there mends it.

use anyhow::{Context, Result, ensure};
use outlast_testbed::{Cluster, Node, Topology, eventually};
use serde_json::Value;

use crate::{outlast, scene::PATIENCE};

const WELL: i32 = 0;
const RED: i32 = 3;

/// What `outlast doctor` says.
async fn doctor(cluster: &Cluster, options: &[&str]) -> Result<(Option<i32>, Value)> {
    let arguments = [&["doctor", "--format", "json"], options].concat();
    let output = outlast::output(&cluster.addresses(), &arguments).await?;
    let text = String::from_utf8(output.stdout)?;
    println!("{text}");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((output.status.code(), serde_json::from_str(&text).context(stderr)?))
}

/// The light and the message for one thing on one server (of the cluster, if it is none).
fn of(said: &Value, node: Option<&Node>, subject: &str) -> Result<(String, String)> {
    let server = node.map(Node::address).unwrap_or_default();
    let checks = said["checks"].as_array().context("no checks")?;
    let check = checks
        .iter()
        .find(|check| check["server"] == server.as_str() && check["subject"] == subject)
        .with_context(|| format!("nothing about {subject:?} of {server:?}"))?;
    let text = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
    Ok((text("light"), text("message")))
}

/// Runs what the message says is to be run.
async fn mend(node: &Node, message: &str) -> Result<()> {
    let (_, statements) = message.split_once("un there: ").with_context(|| message.to_owned())?;
    // After the statements: what is to be done besides, for the next start.
    let statements = statements.split("; and ").next().unwrap_or_default();
    for sql in statements.split(';') {
        node.execute(sql.trim()).await.with_context(|| sql.to_owned())?;
    }
    Ok(())
}

#[tokio::test]
async fn a_doctor_finds_nothing_wrong_with_a_sound_cluster_and_changes_nothing() -> Result<()> {
    for topology in [Topology::SemiSync { nodes: 2 }, Topology::GroupReplication { nodes: 3 }] {
        let cluster = Cluster::start(topology).await?;
        if matches!(topology, Topology::SemiSync { .. }) {
            let (_, said) = doctor(&cluster, &[]).await?;
            let (light, message) = of(&said, Some(cluster.node(1)), "acknowledged commits")?;
            ensure!(
                light == "yellow" && message.contains("after a failover to it"),
                "{message}"
            );
            cluster
                .node(1)
                .execute("SET GLOBAL rpl_semi_sync_source_enabled = ON")
                .await?;
        }
        let before = cluster.primary().gtid_executed().await?;
        let (code, said) = doctor(&cluster, &["--strict"]).await?;
        let after = cluster.primary().gtid_executed().await?;
        let grown: Vec<&Value> = said["checks"]
            .as_array()
            .context("no checks")?
            .iter()
            .filter(|check| check["light"] != "green" && check["subject"] != "durability")
            .collect();
        ensure!(grown.is_empty(), "{topology:?}: {grown:?}");
        ensure!(before == after, "it wrote: {before} became {after}");
        for node in cluster.nodes() {
            for subject in [
                "server",
                "durability",
                "binlog retention",
                "clock",
                "performance_schema",
                "commit order",
                "filters",
                "replication",
                "own tables",
                "privileges",
                "disk",
            ] {
                of(&said, Some(node), subject)?;
            }
        }
        // Servers of tests don't wait for their disks.
        let lax: u64 = cluster.primary().query_one("SELECT @@sync_binlog <> 1").await?;
        ensure!(
            code == Some(if lax == 1 { RED } else { WELL }),
            "it ended with {code:?}"
        );
        let (_, server) = of(&said, Some(cluster.primary()), "server")?;
        ensure!(server.starts_with("MySQL "), "{server}");
    }
    Ok(())
}

#[tokio::test]
async fn what_a_doctor_says_to_run_mends_what_it_found() -> Result<()> {
    let cluster = Cluster::start(Topology::AsyncGtid { nodes: 3 }).await?;
    let (primary, stopped, lax) = (cluster.primary(), cluster.node(1), cluster.node(2));
    stopped.execute("STOP REPLICA SQL_THREAD").await?;
    stopped.execute("SET GLOBAL super_read_only = OFF").await?;
    stopped.execute("SET GLOBAL read_only = OFF").await?;
    lax.execute("SET GLOBAL sync_binlog = 0").await?;
    lax.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 2").await?;
    lax.execute("SET GLOBAL binlog_expire_logs_seconds = 60").await?;
    lax.execute("STOP REPLICA SQL_THREAD").await?;
    lax.execute("CHANGE REPLICATION FILTER REPLICATE_IGNORE_DB = (_outlast)")
        .await?;
    lax.execute("START REPLICA SQL_THREAD").await?;
    primary.execute("SET GLOBAL binlog_expire_logs_seconds = 3600").await?;
    primary
        .execute(
            "UPDATE performance_schema.setup_instruments SET ENABLED = 'NO' WHERE NAME = 'wait/lock/metadata/sql/mdl'",
        )
        .await?;

    let ills = [
        (stopped, "replication", "red"),
        (stopped, "read-only", "yellow"),
        (lax, "durability", "yellow"),
        (lax, "binlog retention", "red"),
        (lax, "filters", "red"),
        (primary, "binlog retention", "yellow"),
        (primary, "performance_schema", "yellow"),
    ];
    let (code, said) = doctor(&cluster, &[]).await?;
    ensure!(code == Some(RED) && said["light"] == "red", "it ended with {code:?}");
    for (node, subject, expected) in ills {
        let (light, message) = of(&said, Some(node), subject)?;
        ensure!(light == expected, "{subject} is {light}: {message}");
        mend(node, &message).await?;
    }
    let (code, said) = doctor(&cluster, &[]).await?;
    ensure!(code == Some(WELL), "it ended with {code:?}");
    for (node, subject, _) in ills {
        let (light, message) = of(&said, Some(node), subject)?;
        ensure!(light == "green", "{subject} is still {light}: {message}");
    }
    // Not a setting but what the cluster is.
    let (light, message) = of(&said, Some(primary), "acknowledged commits")?;
    ensure!(light == "yellow" && message.contains("asynchronous"), "{message}");
    let (code, _) = doctor(&cluster, &["--strict"]).await?;
    ensure!(code == Some(RED), "--strict let something yellow pass");
    Ok(())
}

#[tokio::test]
async fn a_doctor_names_a_broken_replica_a_dead_one_and_missing_privileges() -> Result<()> {
    let cluster = Cluster::start(Topology::AsyncGtid { nodes: 3 }).await?;
    let (primary, broken, dead) = (cluster.primary(), cluster.node(1), cluster.node(2));
    primary.execute("CREATE TABLE test.t (id INT PRIMARY KEY)").await?;
    cluster.wait_for_catch_up(1, PATIENCE).await?;
    broken.execute("SET GLOBAL super_read_only = OFF").await?;
    broken
        .execute("SET sql_log_bin = 0; INSERT INTO test.t VALUES (1)")
        .await?;
    broken.execute("SET GLOBAL super_read_only = ON").await?;
    primary.execute("INSERT INTO test.t VALUES (1)").await?;
    let is_broken = async || {
        let stopped: u64 = broken
            .query_one(
                "SELECT COUNT(*) FROM performance_schema.replication_applier_status_by_coordinator \
                 WHERE SERVICE_STATE = 'OFF'",
            )
            .await?;
        ensure!(stopped > 0, "it still executes");
        Ok(())
    };
    eventually("the replica to break", PATIENCE, is_broken).await?;
    dead.stop().await?;
    primary.execute("CREATE USER limited IDENTIFIED BY 'limited'").await?;
    for grant in [
        "GRANT SELECT ON performance_schema.* TO limited",
        "GRANT REPLICATION CLIENT, REPLICATION SLAVE ON *.* TO limited",
    ] {
        primary.execute(grant).await?;
    }

    let (code, said) = doctor(&cluster, &[]).await?;
    ensure!(code == Some(RED), "it ended with {code:?}");
    let (light, message) = of(&said, Some(broken), "replication")?;
    ensure!(light == "red" && message.contains("Duplicate entry"), "{message}");
    let (light, message) = of(&said, Some(dead), "connection")?;
    ensure!(light == "red" && message.contains("does not answer"), "{message}");
    let (light, message) = of(&said, Some(primary), "privileges")?;
    ensure!(light == "green", "{message}");

    let (_, said) = doctor(&cluster, &["--user", "limited", "--password", "limited"]).await?;
    let (light, message) = of(&said, Some(primary), "privileges")?;
    ensure!(light == "red" && message.contains("GRANT "), "{message}");

    let text = outlast::output(&cluster.addresses(), &["doctor"]).await?;
    let shown = String::from_utf8(text.stdout)?;
    ensure!(!shown.contains('\u{1b}'), "colours in a pipe: {shown}");
    ensure!(shown.matches("  red ").count() == 2, "{shown}");
    Ok(())
}

//! What a migration waits for is named, with who can end it.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use outlast_checkpoint_mysql::MySqlCheckpoints;
use outlast_core::{AgentId, Epoch, Incarnation, Scheduler, Server, ServerUuid, Stream, stream::OpenStream};
use outlast_mysql::Connector;
use outlast_scheduler_mysql::MySqlScheduler;
use outlast_stream_mysql::MySqlStream;
use outlast_testbed::{Topology, accounts, eventually};

use crate::scene::{PATIENCE, Scene, Setup};

fn one_server() -> Setup {
    Setup {
        topology: Topology::AsyncGtid { nodes: 1 },
        ..Setup::quick_copy()
    }
}

/// What an attempt to lock the tables fails with.
async fn refusal(stream: &Arc<dyn OpenStream>) -> Result<String> {
    let error = stream.lock().await.err().context("it was locked")?;
    println!("{error}");
    Ok(error.to_string())
}

/// The stream is driven step by step here, without an agent.
#[tokio::test]
async fn who_keeps_the_table_from_being_locked_is_named() -> Result<()> {
    let mut scene = Scene::stage("in_the_way", &one_server()).await?;
    scene.stop_load().await?;
    scene.submit(&[]).await?;
    let node = scene.cluster.primary();
    let primary = Server {
        uuid: ServerUuid::new(node.server_uuid().await?),
        address: node.address(),
    };
    let connector = Connector::new(accounts::OUTLAST_USER, Some(accounts::OUTLAST_PASSWORD.to_owned()));
    let scheduler = MySqlScheduler::new(connector.clone());
    let backend = MySqlStream::new(connector.clone(), Arc::new(MySqlCheckpoints::new(connector)));
    let (id, agent) = (scene.id.parse()?, AgentId::new("by-hand"));
    let lease = scheduler
        .adopt(&primary, &id, Epoch(0), &agent, &Incarnation::new("life-1"))
        .await?;
    let migration = scheduler.get(&primary, &id).await?;
    let stream = backend.open(&lease, &migration).await?;
    stream.prepare().await?;
    let mut other = node.connect().await?;
    let holder = format!("connection {} (root@", other.id());

    other.query_drop("FLUSH TABLES WITH READ LOCK").await?;
    let said = refusal(&stream).await?;
    ensure!(
        said.contains(&holder) && said.contains("holds FLUSH TABLES WITH READ LOCK"),
        "{said}"
    );
    other.query_drop("UNLOCK TABLES").await?;

    other.query_drop("BEGIN").await?;
    let _: Option<u64> = other.query_first("SELECT COUNT(*) FROM test.customers").await?;
    let said = refusal(&stream).await?;
    ensure!(
        said.contains(&holder) && said.contains("uses `test`.`customers`"),
        "{said}"
    );
    other.query_drop("COMMIT").await?;

    prepare_xa(&mut other, "lost").await?;
    let said = refusal(&stream).await?;
    ensure!(said.contains("XA ROLLBACK X'6C6F7374',X'',1"), "{said}");
    other.query_drop("XA ROLLBACK 'lost'").await?;
    stream.lock().await?.release().await?;
    Ok(())
}

/// An XA transaction that changes a row of the table, and is left prepared.
async fn prepare_xa(conn: &mut mysql_async::Conn, name: &str) -> Result<()> {
    for sql in [
        format!("XA START '{name}'"),
        "UPDATE test.customers SET amount = amount + 1 WHERE id = 1".to_owned(),
        format!("XA END '{name}'"),
        format!("XA PREPARE '{name}'"),
    ] {
        conn.query_drop(&sql).await.context(sql)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_prepared_xa_transaction_is_named_as_long_as_it_is_waited_for() -> Result<()> {
    let mut scene = Scene::stage("prepared_xa", &one_server()).await?;
    scene.stop_load().await?;
    let mut conn = scene.cluster.primary().connect().await?;
    let says = |text: &'static str| {
        move |status: &serde_json::Value| {
            let message = status["message"].as_str().unwrap_or_default();
            status["status"] == "running" && message.to_lowercase().contains(text)
        }
    };
    prepare_xa(&mut conn, "lost").await?;
    scene.start_agent("agent-0", &[])?;
    scene.submit(&[]).await?;
    let named = "xa rollback x'6c6f7374',x'',1";
    let status = scene.wait_for("the message before the copy", says(named)).await?;
    ensure!(status["phase"] == "preparing" && status["epoch"] == 1, "{status}");
    ensure!(status["shadow_table"].is_null(), "a shadow was made in vain: {status}");
    conn.query_drop("XA COMMIT 'lost'").await?;
    let status = scene.wait_for_phase("ready").await?;
    ensure!(status["message"] == "", "{status}");

    prepare_xa(&mut conn, "lost").await?;
    // Its prepare is in the binlog by now; that the agent has read it shows in what it says.
    scene.ask_to_complete().await?;
    let status = scene.wait_for("the message before the swap", says(named)).await?;
    ensure!(status["phase"] == "cutting-over", "{status}");
    // Whoever does not need that row goes on.
    eventually("another row to be written", PATIENCE, || async {
        let write = "UPDATE test.customers SET amount = amount + 1 WHERE id = 2";
        scene.cluster.primary().execute(write).await
    })
    .await?;
    conn.query_drop("XA COMMIT 'lost'").await?;
    scene.expect_complete_and_identical().await
}

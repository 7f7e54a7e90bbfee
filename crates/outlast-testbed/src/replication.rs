//! The replication channel of one replica.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::accounts::{REPLICATION_PASSWORD, REPLICATION_USER};
use crate::eventually::eventually;
use crate::node::Node;

/// Makes a node a replica of the server at `address` (`host:port`), whatever it replicated before.
///
/// What it had received and not applied is forgotten, and fetched again from the new source if that has it.
pub(crate) async fn point(node: &Node, address: &str) -> Result<()> {
    let (host, port) = address
        .rsplit_once(':')
        .with_context(|| format!("{address} is not host:port"))?;
    node.execute("STOP REPLICA").await?;
    node.execute(&format!(
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST='{host}', SOURCE_PORT={port}, SOURCE_USER='{REPLICATION_USER}', \
         SOURCE_PASSWORD='{REPLICATION_PASSWORD}', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1, SOURCE_CONNECT_RETRY=1, \
         SOURCE_RETRY_COUNT=86400, SOURCE_DELAY=0"
    ))
    .await?;
    node.execute("START REPLICA").await
}

/// Waits until the node receives from its source.
pub(crate) async fn wait_until_connected(node: &Node, limit: Duration) -> Result<()> {
    eventually(
        &format!("node {} is connected to its source", node.index()),
        limit,
        || async {
            let (state, error): (String, String) = node
                .query_one(
                    "SELECT SERVICE_STATE, LAST_ERROR_MESSAGE FROM performance_schema.replication_connection_status \
                 WHERE CHANNEL_NAME = ''",
                )
                .await?;
            ensure!(state == "ON", "the receiver is {state}: {error}");
            Ok(())
        },
    )
    .await
}

/// All transactions the node has received from its source, executed or not.
pub(crate) async fn received(node: &Node) -> Result<String> {
    let sets: Vec<String> = node
        .query(
            "SELECT RECEIVED_TRANSACTION_SET FROM performance_schema.replication_connection_status WHERE CHANNEL_NAME = ''",
        )
        .await?;
    Ok(sets.concat().replace('\n', ""))
}

/// Waits until the node has executed all of `gtids`; if it hasn't within `limit`, says what keeps it from that.
pub(crate) async fn wait_until_applied(node: &Node, gtids: &str, limit: Duration) -> Result<()> {
    let Err(late) = node.wait_for_gtids(gtids, limit).await else {
        return Ok(());
    };
    let complaints = complaints(node).await?;
    Err(late.context(format!("node {} doesn't catch up: {complaints:?}", node.index())))
}

/// What a node's receiver and applier complain about, and what they are doing, for messages.
async fn complaints(node: &Node) -> Result<String> {
    let found: Vec<String> = node
        .query(
            "SELECT LAST_ERROR_MESSAGE FROM performance_schema.replication_connection_status WHERE LAST_ERROR_NUMBER <> 0 \
             UNION SELECT LAST_ERROR_MESSAGE FROM performance_schema.replication_applier_status_by_coordinator \
             WHERE LAST_ERROR_NUMBER <> 0 \
             UNION SELECT LAST_ERROR_MESSAGE FROM performance_schema.replication_applier_status_by_worker \
             WHERE LAST_ERROR_NUMBER <> 0 \
             UNION SELECT CONCAT_WS(' ', USER, ID, TIME, STATE, LEFT(INFO, 200)) FROM performance_schema.processlist \
             WHERE STATE <> ''",
        )
        .await?;
    Ok(found.join("; "))
}

/// Sets how many seconds behind its source the node applies; 0 for at once. What it has received stays.
pub(crate) async fn set_delay(node: &Node, seconds: u32) -> Result<()> {
    node.execute("STOP REPLICA SQL_THREAD").await?;
    node.execute(&format!("CHANGE REPLICATION SOURCE TO SOURCE_DELAY = {seconds}"))
        .await?;
    node.execute("START REPLICA SQL_THREAD").await
}

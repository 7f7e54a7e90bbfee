//! Semi-synchronous replication: a commit is acknowledged once a replica has received it.

use anyhow::Result;

use crate::node::{ExtraArguments, Node};

/// Both plugins are loaded everywhere; only the primary waits, or a replica's applier would wait for replicas of its own.
pub(crate) fn arguments() -> ExtraArguments {
    let always = [
        "--plugin-load-add=semisync_source.so",
        "--plugin-load-add=semisync_replica.so",
        "--loose-rpl-semi-sync-replica-enabled=ON",
        // The largest there is, in milliseconds: seven weeks. It never goes on without a replica.
        "--loose-rpl-semi-sync-source-timeout=4294967295",
        "--loose-rpl-semi-sync-source-wait-no-replica=ON",
        "--loose-rpl-semi-sync-source-wait-point=AFTER_SYNC",
    ];
    ExtraArguments {
        always: always.map(str::to_owned).into(),
        as_primary: vec!["--loose-rpl-semi-sync-source-enabled=ON".to_owned()],
        ..ExtraArguments::default()
    }
}

/// Makes the commits of a node wait for a replica, or not.
pub(crate) async fn set_waiting(node: &Node, wait: bool) -> Result<()> {
    let value = if wait { "ON" } else { "OFF" };
    node.execute(&format!("SET GLOBAL rpl_semi_sync_source_enabled = {value}"))
        .await
}

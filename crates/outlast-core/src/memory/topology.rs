//! [`Topology`] of the cluster in memory.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;

use crate::{
    error::Result,
    ids::{Server, ServerUuid},
    topology::{Finding, ServerState, Sight, Topology},
};

use super::cluster::Cluster;

/// Asks every server of the cluster.
pub struct MemoryTopology {
    cluster: Arc<Cluster>,
}

impl MemoryTopology {
    /// The topology of `cluster`.
    pub fn new(cluster: &Arc<Cluster>) -> Self {
        Self {
            cluster: Arc::clone(cluster),
        }
    }
}

#[async_trait]
impl Topology for MemoryTopology {
    async fn observe(&self) -> Result<Sight> {
        self.cluster.pause().await;
        let state = self.cluster.state();
        let mut writable: Vec<(Server, Option<ServerUuid>)> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut reasons = Vec::new();
        for (address, uuid) in &state.addresses {
            let Some(node) = state.nodes.iter().find(|node| node.server.uuid == *uuid) else {
                continue;
            };
            if !node.alive || state.network.reach(self.cluster.client, uuid).is_err() {
                reasons.push(format!("{address} does not answer"));
            } else if !node.writable {
                reasons.push(format!("{address} is read-only"));
            } else if seen.insert(uuid.clone()) {
                let server = Server {
                    uuid: uuid.clone(),
                    address: address.clone(),
                };
                writable.push((server, node.replicates_from.clone()));
            }
        }
        let heads: Vec<Server> = writable
            .iter()
            .filter(|(_, source)| !writable.iter().any(|(other, _)| Some(&other.uuid) == source.as_ref()))
            .map(|(server, _)| server.clone())
            .collect();
        Ok(match <[Server; 1]>::try_from(heads) {
            Ok([primary]) => Sight::Primary(primary),
            Err(heads) if heads.is_empty() => Sight::NoPrimary {
                reason: reasons.join("; "),
            },
            Err(heads) => Sight::SplitBrain(heads),
        })
    }

    async fn inspect(&self, server: &Server) -> Result<ServerState> {
        let ask = |node: &super::server::Node| {
            let missing = node.unapplied();
            ServerState {
                writable: node.writable,
                executed: node.executed.clone(),
                purged: node.purged_set(),
                unapplied: if missing.is_empty() {
                    vec![]
                } else {
                    vec![(String::new(), missing)]
                },
                binlog_end: String::new(),
                clock_skew_ms: i64::try_from(node.ahead.as_millis()).unwrap_or(i64::MAX),
            }
        };
        self.cluster.query(server, |node, _| Ok(ask(node))).await
    }

    async fn audit(&self, _schema: &str, _table: &str) -> Result<Vec<Finding>> {
        self.cluster.pause().await;
        let state = self.cluster.state();
        let finding = |node: &super::server::Node| {
            let address = &node.server.address;
            match &node.unfit {
                _ if !node.alive => Some(Finding::warning(format!("{address} could not be checked"))),
                Some(reason) => Some(Finding::refusal(format!("{address} {reason}"))),
                None => None,
            }
        };
        Ok(state.nodes.iter().filter_map(finding).collect())
    }
}

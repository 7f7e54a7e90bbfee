//! The wires of a cluster whose servers are reached through proxies.

use anyhow::{Context, Result};

use crate::cluster::Cluster;
use crate::proxy::Proxy;

/// The proxies in front of one node. The application reaches it directly.
#[derive(Debug)]
pub(crate) struct Wires {
    /// The address that the server reports: for Outlast, and for what else asks for it.
    pub(crate) clients: Proxy,
    /// For its replicas.
    pub(crate) replicas: Proxy,
}

impl Wires {
    pub(crate) async fn to(address: &str) -> Result<Self> {
        Ok(Self {
            clients: Proxy::start(address).await?,
            replicas: Proxy::start(address).await?,
        })
    }
}

impl Cluster {
    /// The proxy in front of a node that clients other than the application use, if the cluster was built
    /// [`wired`](crate::ClusterBuilder::wired).
    ///
    /// # Errors
    ///
    /// When it was not.
    pub fn client_wire(&self, index: usize) -> Result<&Proxy> {
        Ok(&self.wires_of(index)?.clients)
    }

    /// The proxy through which a node's replicas receive. In a group, nobody uses it.
    ///
    /// # Errors
    ///
    /// When the cluster was not built [`wired`](crate::ClusterBuilder::wired).
    pub fn replication_wire(&self, index: usize) -> Result<&Proxy> {
        Ok(&self.wires_of(index)?.replicas)
    }

    /// The addresses that all nodes report, in order: those of their proxies, if there are any.
    #[must_use]
    pub fn reported_addresses(&self) -> Vec<String> {
        let addresses = self.nodes().iter().map(|node| match self.client_wire(node.index()) {
            Ok(proxy) => proxy.address(),
            Err(_) => node.address(),
        });
        addresses.collect()
    }

    /// Where replicas of a node receive from.
    pub(crate) fn source_address(&self, index: usize) -> String {
        match self.replication_wire(index) {
            Ok(proxy) => proxy.address(),
            Err(_) => self.node(index).address(),
        }
    }

    fn wires_of(&self, index: usize) -> Result<&Wires> {
        self.wires.get(index).context("the cluster has no proxies")
    }
}

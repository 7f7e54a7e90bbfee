//! A topology of servers, and which of them is the primary.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::directory::Directory;
use crate::disk::SmallDisk;
use crate::distribution::{Distribution, copy_directory};
use crate::eventually::eventually;
use crate::node::{ExtraArguments, Make, Node};
use crate::port::ReservedPort;
use crate::topology::Topology;
use crate::wires::Wires;
use crate::{folder, group_replication, replication, semi_sync};

/// A stranger can take a port between the moment it is found free and the start of the server.
const START_ATTEMPTS: usize = 3;
const PORT_CONFLICT: &str = "Address already in use";
const READY_LIMIT: Duration = Duration::from_secs(60);

/// A running topology. Dropping it kills its servers and removes their data.
///
/// Set `OUTLAST_TESTBED_KEEP` to keep the directory (its path is logged), for looking at error logs and binlogs.
#[derive(Debug)]
pub struct Cluster {
    // Declared before the directory, so that the servers are dead when it is removed.
    nodes: Vec<Node>,
    /// In the order of the nodes; empty without proxies.
    pub(crate) wires: Vec<Wires>,
    topology: Topology,
    primary: watch::Sender<usize>,
    primary_address: watch::Sender<String>,
    directory: Option<Directory>,
}

/// What a cluster shall be like; made by [`Cluster::builder`].
#[derive(Debug, Clone)]
pub struct ClusterBuilder {
    topology: Topology,
    arguments: Vec<String>,
    distribution: Option<Distribution>,
    folder: Option<PathBuf>,
    is_wired: bool,
    small_disk: Option<SmallDisk>,
}

impl ClusterBuilder {
    /// Puts proxies in front of all nodes, one for their replicas and one for all clients but the application: see
    /// [`Cluster::client_wire`] and [`Cluster::replication_wire`]. Members of a group talk to each other directly.
    #[must_use]
    pub fn wired(mut self) -> Self {
        self.is_wired = true;
        self
    }

    /// Gives each node a small disk that can be filled with [`Node::fill_disk`]. That takes the right to mount file systems
    /// ([`SmallDisk::is_available`]).
    #[must_use]
    pub fn small_disk(mut self, disk: SmallDisk) -> Self {
        self.small_disk = Some(disk);
        self
    }

    /// Makes the cluster's directory in this folder, instead of `OUTLAST_TESTBED_FOLDER`, or memory where there is plenty, or
    /// the system's folder for temporary files.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Adds an option of `mysqld` for all nodes, such as `--binlog-row-image=MINIMAL`. It wins over the testbed's own.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Runs this server instead of looking for one.
    #[must_use]
    pub fn distribution(mut self, distribution: Distribution) -> Self {
        self.distribution = Some(distribution);
        self
    }

    /// Starts all nodes and waits until they replicate and the primary can be written to. It has a schema `test`.
    ///
    /// # Errors
    ///
    /// When no server is found (see [`Distribution::find_or_unpack`]), or one doesn't come up: with its error log.
    pub async fn start(self) -> Result<Cluster> {
        ensure!(self.topology.nodes() > 0, "a cluster needs at least one node");
        for _ in 1..START_ATTEMPTS {
            match self.clone().start_once().await {
                Err(error) if format!("{error:#}").contains(PORT_CONFLICT) => {
                    tracing::info!("trying other ports: {error:#}")
                }
                outcome => return outcome,
            }
        }
        self.start_once().await
    }

    async fn start_once(self) -> Result<Cluster> {
        let distribution = match self.distribution {
            Some(distribution) => distribution,
            None => find_distribution().await?,
        };
        let directory = Directory::create_in(&self.folder.unwrap_or_else(folder::for_clusters))?;
        let ports = (0..self.topology.nodes())
            .map(|_| ReservedPort::take())
            .collect::<Result<Vec<_>>>()?;
        let mut wires = Vec::new();
        for port in ports.iter().filter(|_| self.is_wired) {
            wires.push(Wires::to(&format!("127.0.0.1:{}", port.number())).await?);
        }
        let arguments = extra_arguments(self.topology, &ports, &wires, self.arguments);
        let make = Make {
            parent: directory.path().to_owned(),
            distribution: Arc::new(distribution),
            small_disk: self.small_disk,
        };
        let nodes = start_nodes(&make, ports, arguments).await?;
        let directory = match std::env::var_os("OUTLAST_TESTBED_KEEP") {
            Some(_) => {
                tracing::info!(path = %directory.path().display(), "keeping the cluster's directory");
                directory.keep();
                None
            }
            None => Some(directory),
        };
        let cluster = Cluster {
            primary: watch::Sender::new(0),
            primary_address: watch::Sender::new(nodes[0].address()),
            topology: self.topology,
            wires,
            nodes,
            directory,
        };
        cluster.connect_nodes().await?;
        Ok(cluster)
    }
}

impl Cluster {
    /// Starts a cluster with the testbed's own options: [`ClusterBuilder::start`].
    ///
    /// # Errors
    ///
    /// Those of [`ClusterBuilder::start`].
    pub async fn start(topology: Topology) -> Result<Self> {
        Self::builder(topology).start().await
    }

    /// Describes a cluster to start.
    #[must_use]
    pub fn builder(topology: Topology) -> ClusterBuilder {
        ClusterBuilder {
            topology,
            arguments: Vec::new(),
            distribution: None,
            folder: None,
            is_wired: false,
            small_disk: None,
        }
    }

    /// The topology it was started with.
    #[must_use]
    pub fn topology(&self) -> Topology {
        self.topology
    }

    /// All nodes, running or not.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node with this index.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn node(&self, index: usize) -> &Node {
        &self.nodes[index]
    }

    /// The index of the primary, as far as the testbed's own operations say; a killed primary stays it until another is
    /// promoted, and an election is noticed by
    /// [`wait_for_new_group_primary`](Self::wait_for_new_group_primary) only.
    #[must_use]
    pub fn primary_index(&self) -> usize {
        *self.primary.borrow()
    }

    /// The primary's node: see [`primary_index`](Self::primary_index).
    #[must_use]
    pub fn primary(&self) -> &Node {
        self.node(self.primary_index())
    }

    /// Follows the address of the primary, for an application such as [`WriteLoad`](crate::WriteLoad).
    #[must_use]
    pub fn primary_watch(&self) -> watch::Receiver<String> {
        self.primary_address.subscribe()
    }

    /// The indexes of all nodes but the primary, running or not.
    #[must_use]
    pub fn replicas(&self) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|index| *index != self.primary_index())
            .collect()
    }

    /// The addresses of all nodes, in order.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(Node::address).collect()
    }

    /// Kills all servers, and copies their directory to another place, for people to look at. Blocks.
    ///
    /// # Errors
    ///
    /// When it can't be copied, for one because there is something of that name.
    pub fn keep(self, copy: &Path) -> Result<()> {
        for node in &self.nodes {
            node.kill9();
        }
        match &self.directory {
            Some(directory) => copy_directory(directory.path(), copy)
                .with_context(|| format!("copying {} to {}", directory.path().display(), copy.display())),
            None => bail!("OUTLAST_TESTBED_KEEP is set, so the directory stays where it is"),
        }
    }

    /// Waits until a node has executed all that the primary has executed now.
    ///
    /// # Errors
    ///
    /// When it hasn't within `limit`, or either doesn't answer.
    pub async fn wait_for_catch_up(&self, index: usize, limit: Duration) -> Result<()> {
        let executed = self.primary().gtid_executed().await?;
        replication::wait_until_applied(self.node(index), &executed, limit).await
    }

    /// Remembers who the primary is, and tells everybody who follows it.
    pub(crate) fn set_primary(&self, index: usize) {
        for node in &self.nodes {
            // Members of a group become writable by the group's decision only.
            node.set_boots_writable(node.index() == index && !self.topology.is_group());
        }
        self.primary.send_replace(index);
        self.primary_address.send_replace(self.node(index).address());
    }

    async fn connect_nodes(&self) -> Result<()> {
        match self.topology {
            Topology::Single => {}
            Topology::AsyncGtid { .. } | Topology::SemiSync { .. } => {
                for index in self.replicas() {
                    replication::point(self.node(index), &self.source_address(self.primary_index())).await?;
                }
                for index in self.replicas() {
                    replication::wait_until_connected(self.node(index), READY_LIMIT).await?;
                }
            }
            Topology::GroupReplication { .. } => group_replication::bootstrap(&self.nodes).await?,
        }
        if matches!(self.topology, Topology::SemiSync { .. }) {
            semi_sync::set_waiting(self.primary(), self.nodes.len() > 1).await?;
        }
        if !self.topology.is_group() {
            self.primary().execute("SET GLOBAL super_read_only = OFF").await?;
            self.primary().execute("SET GLOBAL read_only = OFF").await?;
        }
        self.set_primary(0);
        self.primary().execute("CREATE DATABASE test").await?;
        for index in self.replicas() {
            eventually(&format!("node {index} replicates"), READY_LIMIT, || {
                self.wait_for_catch_up(index, Duration::from_secs(5))
            })
            .await
            .with_context(|| self.node(index).error_log_tail())?;
        }
        Ok(())
    }
}

async fn find_distribution() -> Result<Distribution> {
    let find = || Distribution::find_or_unpack(&|line| tracing::info!("{line}"));
    tokio::task::spawn_blocking(find)
        .await
        .context("looking for a MySQL server")?
}

fn extra_arguments(
    topology: Topology,
    ports: &[ReservedPort],
    wires: &[Wires],
    given: Vec<String>,
) -> Vec<ExtraArguments> {
    let of_topology = |index: usize| match topology {
        Topology::Single | Topology::AsyncGtid { .. } => ExtraArguments::default(),
        Topology::SemiSync { .. } => semi_sync::arguments(),
        Topology::GroupReplication { .. } => group_replication::arguments(ports, index),
    };
    let with_given = |index: usize| {
        let mut arguments = of_topology(index);
        arguments.reported_port = wires.get(index).map(|wires| wires.clients.port());
        arguments.always.extend(given.iter().cloned());
        arguments
    };
    (0..ports.len()).map(with_given).collect()
}

/// Starts all nodes at the same time; in order of their indexes.
async fn start_nodes(make: &Make, ports: Vec<ReservedPort>, arguments: Vec<ExtraArguments>) -> Result<Vec<Node>> {
    let mut starting = JoinSet::new();
    for (index, (port, arguments)) in ports.into_iter().zip(arguments).enumerate() {
        let make = make.clone();
        starting.spawn(async move {
            let create = move || Node::create(index, &make, port, arguments);
            let node = tokio::task::spawn_blocking(create).await.context("creating a node")??;
            node.start().await?;
            Ok::<_, anyhow::Error>(node)
        });
    }
    let mut nodes = Vec::new();
    while let Some(started) = starting.join_next().await {
        match started {
            Ok(node) => nodes.push(node?),
            Err(error) => bail!("starting a node: {error}"),
        }
    }
    nodes.sort_by_key(Node::index);
    Ok(nodes)
}

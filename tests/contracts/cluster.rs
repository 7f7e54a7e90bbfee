//! The servers that all tests of this process share, and what every fixture has of them.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use outlast_checkpoint_mysql::MySqlCheckpoints;
use outlast_core::{
    AgentId, CheckpointStore, Epoch, Incarnation, Lease, MigrationId, Scheduler, Server, ServerUuid,
    contract::ClusterFixture,
    scheduler::{Options, Submission},
};
use outlast_mysql::Connector;
use outlast_scheduler_mysql::MySqlScheduler;
use outlast_testbed::{Cluster, Node, Topology, accounts};
use tokio::sync::OnceCell;

/// How long servers of a busy machine are waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Schema of the tables that are migrated.
pub(crate) const SCHEMA: &str = "contract";

/// A primary and its replica, which nobody disturbs. Outlast is installed there.
static UNDISTURBED: OnceCell<Cluster> = OnceCell::const_new();

/// A suite's fixture: a cluster, and what the suite needs besides.
pub(crate) struct Fixture<S> {
    pub(crate) cluster: &'static Cluster,
    pub(crate) suite: S,
    primary: Server,
    replica: Server,
}

impl<S> Fixture<S> {
    /// On the cluster that nobody disturbs.
    pub(crate) async fn undisturbed(suite: S) -> Self {
        Self::on(UNDISTURBED.get_or_init(start_installed).await, suite).await
    }

    /// On a cluster whose first node is the primary.
    pub(crate) async fn on(cluster: &'static Cluster, suite: S) -> Self {
        Self {
            cluster,
            suite,
            primary: server(cluster.node(0)).await,
            replica: server(cluster.node(1)).await,
        }
    }

    /// The same for another suite.
    pub(crate) fn with<T>(self, suite: T) -> Fixture<T> {
        Fixture {
            cluster: self.cluster,
            suite,
            primary: self.primary,
            replica: self.replica,
        }
    }

    /// The primary's node.
    pub(crate) fn primary_node(&self) -> &'static Node {
        self.cluster.node(0)
    }

    /// Submits a migration of the table `t_<id>` that these changes are made to, and adopts it.
    pub(crate) async fn submitted_and_adopted(&self, changes: &str) -> Lease {
        let id = MigrationId::from_random(rand::random());
        let table = format!("t_{id}");
        let submission = Submission {
            statement: format!("ALTER TABLE {SCHEMA}.{table} {changes}"),
            schema: SCHEMA.to_owned(),
            table,
            id: id.clone(),
            options: Options::default(),
            components: Vec::new(),
        };
        let submitted = scheduler().submit(&self.primary, &submission).await;
        submitted.expect("the migration is submitted");
        self.adopted(&id, Epoch(0)).await
    }

    /// Adopts a migration in a new life of the agent.
    pub(crate) async fn adopted(&self, id: &MigrationId, expected: Epoch) -> Lease {
        let life = Incarnation::new(format!("{:016x}", rand::random::<u64>()));
        let adopted = scheduler()
            .adopt(&self.primary, id, expected, &AgentId::new("contract"), &life)
            .await;
        adopted.expect("the migration is adopted")
    }
}

#[async_trait]
impl<S: Send + Sync> ClusterFixture for Fixture<S> {
    fn primary(&self) -> Server {
        self.primary.clone()
    }

    fn replica(&self) -> Server {
        self.replica.clone()
    }

    async fn replicated(&self) {
        let caught_up = self.cluster.wait_for_catch_up(1, PATIENCE).await;
        caught_up.expect("the replica catches up");
    }

    fn nobody(&self) -> Server {
        Server {
            uuid: ServerUuid::new("ffffffff-0000-4000-8000-000000000000"),
            // tcpmux, which no system runs any more.
            address: "127.0.0.1:1".to_owned(),
        }
    }
}

/// Starts a cluster for the life of this process.
pub(crate) async fn start(topology: Topology) -> Cluster {
    Cluster::start(topology).await.expect("the servers start")
}

async fn start_installed() -> Cluster {
    let cluster = start(Topology::AsyncGtid { nodes: 2 }).await;
    let primary = server(cluster.primary()).await;
    scheduler().install(&primary).await.expect("the scheduler is installed");
    checkpoints().install(&primary).await.expect("the store is installed");
    let created = cluster.primary().execute(&format!("CREATE DATABASE {SCHEMA}")).await;
    created.expect("the schema is created");
    let grant = accounts::grant_on(SCHEMA, accounts::OUTLAST_USER);
    cluster.primary().execute(&grant).await.expect("the account may use it");
    cluster
}

/// How Outlast reaches the servers, with time to spare.
pub(crate) fn connector() -> Connector {
    Connector::new(accounts::OUTLAST_USER, Some(accounts::OUTLAST_PASSWORD.to_owned())).with_timeout(PATIENCE)
}

pub(crate) fn scheduler() -> MySqlScheduler {
    MySqlScheduler::new(connector())
}

pub(crate) fn checkpoints() -> Arc<dyn CheckpointStore> {
    Arc::new(MySqlCheckpoints::new(connector()))
}

/// The server as Outlast knows it.
pub(crate) async fn server(node: &Node) -> Server {
    Server {
        uuid: ServerUuid::new(node.server_uuid().await.expect("the server answers")),
        address: node.address(),
    }
}

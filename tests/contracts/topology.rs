//! The contract of the topology.

use std::sync::Arc;

use anyhow::ensure;
use async_trait::async_trait;
use outlast_core::{Server, Topology, contract::topology::TopologyFixture};
use outlast_mysql::Connector;
use outlast_testbed::{Cluster, Node, Topology as Shape, accounts, eventually};
use outlast_topology_mysql::MySqlTopology;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use crate::cluster::{self, Fixture, PATIENCE};

/// A primary and its replica, which each test leaves in another state.
static DISTURBED: OnceCell<Cluster> = OnceCell::const_new();

/// Held by the one test that disturbs it.
static DISTURBING: Mutex<()> = Mutex::const_new(());

type Turn = MutexGuard<'static, ()>;

async fn fixture() -> Fixture<Turn> {
    let turn = DISTURBING.lock().await;
    let nodes = || cluster::start(Shape::AsyncGtid { nodes: 2 });
    let fixture = Fixture::on(DISTURBED.get_or_init(nodes).await, turn).await;
    fixture.restore().await.expect("the replica follows the primary again");
    fixture
}

impl Fixture<Turn> {
    /// The first node takes writes, and the second follows it.
    async fn restore(&self) -> anyhow::Result<()> {
        self.cluster.make_writable(0).await?;
        let rejoined = self.cluster.rejoin(1).await?;
        ensure!(rejoined.is_clean(), "a test has written to the replica: {rejoined:?}");
        // Something to be received: before, a replica may be level without being connected.
        commit(self.primary_node()).await?;
        self.cluster.wait_for_catch_up(1, PATIENCE).await
    }

    fn node(&self, server: &Server) -> &'static Node {
        let mut nodes = self.cluster.nodes().iter();
        nodes
            .find(|node| node.address() == server.address)
            .expect("it belongs to the cluster")
    }
}

async fn commit(node: &Node) -> anyhow::Result<()> {
    node.execute("CREATE TABLE IF NOT EXISTS test.commits (id INT AUTO_INCREMENT PRIMARY KEY)")
        .await?;
    node.execute("INSERT INTO test.commits () VALUES ()").await
}

#[async_trait]
impl TopologyFixture for Fixture<Turn> {
    fn topology(&self) -> Arc<dyn Topology> {
        let connector = Connector::new(accounts::OUTLAST_USER, Some(accounts::OUTLAST_PASSWORD.to_owned()));
        Arc::new(MySqlTopology::auto(connector, self.cluster.addresses()))
    }

    async fn commit(&self, server: &Server) {
        commit(self.node(server)).await.expect("the server takes writes");
    }

    async fn set_writable(&self, server: &Server, writable: bool) {
        let node = self.node(server);
        let set = match writable {
            true => self.cluster.make_writable(node.index()).await,
            false => node.execute("SET GLOBAL super_read_only = ON").await,
        };
        set.expect("the server answers");
    }

    async fn stop_applying(&self) {
        self.cluster.pause_applier(1).await.expect("the replica answers");
    }

    async fn received(&self) {
        let primary = self.primary_node().gtid_executed().await;
        let executed = primary.expect("the primary answers");
        let replica = self.cluster.node(1);
        let missing = format!(
            "SELECT REPLACE(GTID_SUBTRACT(GTID_SUBTRACT('{executed}', @@GLOBAL.gtid_executed), RECEIVED_TRANSACTION_SET), \
             '\\n', '') FROM performance_schema.replication_connection_status WHERE CHANNEL_NAME = ''"
        );
        let received = eventually("the replica has received everything", PATIENCE, || async {
            let missing: String = replica.query_one(&missing).await?;
            ensure!(missing.is_empty(), "it lacks {missing}");
            Ok(())
        });
        received.await.expect("the replica receives");
    }

    async fn set_fit(&self, fit: bool) {
        let filter = match fit {
            true => "CHANGE REPLICATION FILTER REPLICATE_WILD_IGNORE_TABLE = ()",
            false => "CHANGE REPLICATION FILTER REPLICATE_WILD_IGNORE_TABLE = ('\\_outlast%.%')",
        };
        for sql in ["STOP REPLICA SQL_THREAD", filter, "START REPLICA SQL_THREAD"] {
            let set = self.cluster.node(1).execute(sql).await;
            set.expect("the replica answers");
        }
    }

    async fn detach(&self) {
        for sql in ["STOP REPLICA", "RESET REPLICA ALL"] {
            let detached = self.cluster.node(1).execute(sql).await;
            detached.expect("the replica answers");
        }
    }
}

outlast_core::contract::topology_suite!(fixture().await);

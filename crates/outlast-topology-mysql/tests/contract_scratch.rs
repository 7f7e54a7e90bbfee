#![allow(clippy::unwrap_used, missing_docs)]
use std::{sync::Arc, time::Duration};
use async_trait::async_trait;
use outlast_core::{Server, ServerUuid, contract::{ClusterFixture, topology::TopologyFixture}};
use outlast_mysql::Connector;
use outlast_testbed::{Cluster, Node, Topology, accounts};
fn connector() -> Connector { Connector::new(accounts::OUTLAST_USER, Some(accounts::OUTLAST_PASSWORD.to_owned())) }
async fn server(node: &Node) -> Server { Server { uuid: ServerUuid::new(node.server_uuid().await.unwrap()), address: node.address() } }
struct Fixture { cluster: Cluster, servers: Vec<Server>, topology: Arc<dyn outlast_core::Topology> }
#[async_trait]
impl ClusterFixture for Fixture {
    fn primary(&self) -> Server { self.servers[0].clone() }
    fn replica(&self) -> Server { self.servers[1].clone() }
    async fn replicated(&self) { self.cluster.wait_for_catch_up(1, Duration::from_secs(20)).await.unwrap(); }
    fn nobody(&self) -> Server { Server { uuid: ServerUuid::new("00000000-0000-4000-8000-00000000dead"), address: "127.0.0.1:1".to_owned() } }
}

#[async_trait]
impl TopologyFixture for Fixture {
    fn topology(&self) -> Arc<dyn outlast_core::Topology> { Arc::clone(&self.topology) }
    async fn commit(&self, server: &Server) {
        let node = self.cluster.nodes().iter().find(|n| n.address() == server.address).unwrap();
        node.execute(&format!("CREATE TABLE test.t{} (id INT PRIMARY KEY)", std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos())).await.unwrap();
    }
    async fn set_writable(&self, server: &Server, writable: bool) {
        let node = self.cluster.nodes().iter().find(|n| n.address() == server.address).unwrap();
        node.execute(if writable { "SET GLOBAL read_only = OFF" } else { "SET GLOBAL super_read_only = ON" }).await.unwrap();
    }
    async fn stop_applying(&self) { self.cluster.pause_applier(1).await.unwrap(); }
    async fn received(&self) {
        let executed = self.cluster.node(0).gtid_executed().await.unwrap();
        for _ in 0..200 {
            let ok: u64 = self.cluster.node(1).query_one(&format!("SELECT GTID_SUBSET('{executed}', CONCAT(@@gtid_executed, ',', RECEIVED_TRANSACTION_SET)) FROM performance_schema.replication_connection_status")).await.unwrap();
            if ok == 1 { return; }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not received");
    }
    async fn detach(&self) { self.cluster.node(1).execute("STOP REPLICA").await.unwrap(); self.cluster.node(1).execute("RESET REPLICA ALL").await.unwrap(); }
}
async fn start() -> Fixture {
    let cluster = Cluster::start(Topology::AsyncGtid { nodes: 2 }).await.unwrap();
    let servers = vec![server(cluster.node(0)).await, server(cluster.node(1)).await];
    let topology = outlast_topology_mysql::MySqlTopology::auto(connector(), [cluster.node(1).address()]);
    let _ = topology.observe().await;
    use outlast_core::Topology as _;
    Fixture { cluster, servers, topology: Arc::new(topology) }
}
outlast_core::contract::topology_suite!(start().await);

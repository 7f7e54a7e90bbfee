#![allow(clippy::unwrap_used, missing_docs)]
use std::{sync::Arc, time::Duration};
use async_trait::async_trait;
use outlast_core::{Scheduler, Server, ServerUuid, contract::{ClusterFixture, scheduler::SchedulerFixture}};
use outlast_mysql::Connector;
use outlast_testbed::{Cluster, Node, Topology, accounts};
fn connector() -> Connector { Connector::new(accounts::OUTLAST_USER, Some(accounts::OUTLAST_PASSWORD.to_owned())) }
async fn server(node: &Node) -> Server { Server { uuid: ServerUuid::new(node.server_uuid().await.unwrap()), address: node.address() } }
struct Fixture { cluster: Cluster, servers: Vec<Server>, bare: Cluster, bare_server: Server, scheduler: Arc<dyn Scheduler> }
#[async_trait]
impl ClusterFixture for Fixture {
    fn primary(&self) -> Server { self.servers[0].clone() }
    fn replica(&self) -> Server { self.servers[1].clone() }
    async fn replicated(&self) { self.cluster.wait_for_catch_up(1, Duration::from_secs(20)).await.unwrap(); }
    fn nobody(&self) -> Server { Server { uuid: ServerUuid::new("00000000-0000-4000-8000-00000000dead"), address: "127.0.0.1:1".to_owned() } }
}

#[async_trait]
impl SchedulerFixture for Fixture {
    fn scheduler(&self) -> Arc<dyn Scheduler> { Arc::clone(&self.scheduler) }
    fn bare_server(&self) -> Server { let _ = &self.bare; self.bare_server.clone() }
}
async fn start() -> Fixture {
    let cluster = Cluster::start(Topology::AsyncGtid { nodes: 2 }).await.unwrap();
    let bare = Cluster::start(Topology::Single).await.unwrap();
    let servers = vec![server(cluster.node(0)).await, server(cluster.node(1)).await];
    let scheduler = outlast_scheduler_mysql::MySqlScheduler::new(connector());
    scheduler.install(&servers[0]).await.unwrap();
    Fixture { bare_server: server(bare.primary()).await, cluster, bare, servers, scheduler: Arc::new(scheduler) }
}
outlast_core::contract::scheduler_suite!(start().await);

//! The contract of the scheduler.

use std::sync::Arc;

use outlast_core::{Scheduler, Server, contract::scheduler::SchedulerFixture};
use outlast_testbed::{Cluster, Topology};
use tokio::sync::OnceCell;

use crate::cluster::{self, Fixture};

/// A server on which nothing is ever installed.
static BARE: OnceCell<Cluster> = OnceCell::const_new();

struct Bare(Server);

async fn fixture() -> Fixture<Bare> {
    let bare = BARE.get_or_init(|| cluster::start(Topology::Single)).await;
    Fixture::undisturbed(Bare(cluster::server(bare.primary()).await)).await
}

impl SchedulerFixture for Fixture<Bare> {
    fn scheduler(&self) -> Arc<dyn Scheduler> {
        Arc::new(cluster::scheduler())
    }

    fn bare_server(&self) -> Server {
        self.suite.0.clone()
    }
}

outlast_core::contract::scheduler_suite!(fixture().await);

//! The contract of the checkpoint store.

use std::sync::Arc;

use anyhow::ensure;
use async_trait::async_trait;
use outlast_core::{
    CheckpointStore, Key, Lease, MigrationId, Result, Server,
    checkpoint::{Recorded, Transaction},
    contract::{ClusterFixture, checkpoint::CheckpointFixture},
};
use outlast_mysql::{FencedTransaction, Purpose, SessionPool};
use outlast_testbed::{Proxy, eventually};

use crate::cluster::{self, Fixture, PATIENCE, SCHEMA};

/// Transactions go through a wire that can be cut.
async fn fixture() -> Fixture<Proxy> {
    let wire = Proxy::start("").await.expect("a port is free");
    let fixture = Fixture::undisturbed(wire).await;
    fixture.suite.point_to(fixture.primary().address);
    fixture
}

/// The table that belongs to a migration.
fn written(migration: &MigrationId) -> String {
    format!("{SCHEMA}.written_{migration}")
}

fn fenced(transaction: &mut dyn Transaction) -> &mut FencedTransaction {
    let fenced = transaction.as_any_mut().downcast_mut();
    fenced.expect("it was begun here")
}

#[async_trait]
impl CheckpointFixture for Fixture<Proxy> {
    fn store(&self) -> Arc<dyn CheckpointStore> {
        cluster::checkpoints()
    }

    async fn lease(&self) -> Lease {
        let lease = self.submitted_and_adopted("ENGINE=InnoDB").await;
        let table = written(&lease.migration);
        let created = self
            .primary_node()
            .execute(&format!("CREATE TABLE {table} (id BIGINT UNSIGNED PRIMARY KEY)"))
            .await;
        created.expect("the table is created");
        lease
    }

    async fn depose(&self, lease: &Lease) {
        self.adopted(&lease.migration, lease.epoch).await;
    }

    async fn begin(&self, lease: &Lease) -> Result<Box<dyn Transaction>> {
        let through_the_wire = Server {
            uuid: lease.server.uuid.clone(),
            address: self.suite.address(),
        };
        let purpose = Purpose {
            migration: Some(lease.migration.clone()),
            incarnation: Some(lease.incarnation.clone()),
        };
        let pool = SessionPool::new(cluster::connector(), through_the_wire, purpose);
        Ok(Box::new(FencedTransaction::begin(&pool, lease).await?))
    }

    async fn put_row(&self, transaction: &mut dyn Transaction, number: u64) {
        let table = written(&transaction.lease().migration);
        let session = fenced(transaction).session();
        let put = session.run(&format!("INSERT INTO {table} VALUES ({number})")).await;
        put.expect("the row is written");
    }

    async fn rows(&self, lease: &Lease) -> Vec<u64> {
        let table = written(&lease.migration);
        let rows = self
            .primary_node()
            .query(&format!("SELECT id FROM {table} ORDER BY id"))
            .await;
        rows.expect("the table is there")
    }

    fn key(&self, number: u64) -> Key {
        Key::new(number.to_be_bytes(), number.to_string())
    }

    /// The transaction must have put a row, by which its commit is seen.
    async fn commit_without_reply(&self, transaction: Box<dyn Transaction>, recorded: Recorded) -> Result<()> {
        let lease = transaction.lease().clone();
        let before = self.rows(&lease).await;
        self.suite.mute();
        let cut_after_it = async {
            let committed = eventually("the transaction commits", PATIENCE, || async {
                ensure!(self.rows(&lease).await != before, "its row is not visible");
                Ok(())
            });
            committed.await.expect("the server got the COMMIT");
            self.suite.cut().await;
        };
        let (reply, ()) = tokio::join!(transaction.commit(recorded), cut_after_it);
        self.suite.unmute();
        self.suite.restore().await.expect("the port is still ours");
        reply
    }
}

outlast_core::contract::checkpoint_suite!(fixture().await);

//! The contract suites, stamped onto the backends in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use outlast_core::{
    AgentId, Epoch, Incarnation, Key, Lease, MigrationId, Result, Scheduler, Server, ServerUuid, Stream, Topology,
    checkpoint::{CheckpointStore, Recorded, Transaction},
    contract::{
        ClusterFixture,
        checkpoint::CheckpointFixture,
        instant::InstantFixture,
        scheduler::SchedulerFixture,
        stream::{Place, StreamFixture, Subject},
        topology::TopologyFixture,
    },
    ledger::Xid,
    memory::{
        Cluster, ManualClock, MemoryCheckpoints, MemoryScheduler, MemoryStream, MemoryTopology, MemoryTransaction,
        TableName, key,
    },
    scheduler::{Options, Submission},
};

/// A cluster of its own for each test, in time that passes only when everybody waits.
struct Memory {
    cluster: Arc<Cluster>,
    primary: Server,
    replica: Server,
    bare: Server,
}

impl Memory {
    async fn start() -> Self {
        tokio::time::pause();
        let clock = ManualClock::seeded(1);
        let (cluster, servers) = Cluster::with_servers(clock, 2);
        let [primary, replica] = <[Server; 2]>::try_from(servers).expect("two servers were asked for");
        let bare = cluster.add_server();
        cluster.set_writable(&bare, false);
        let memory = Self {
            cluster,
            primary,
            replica,
            bare,
        };
        memory
            .scheduler()
            .install(&memory.primary)
            .await
            .expect("the scheduler is installed");
        memory
            .store()
            .install(&memory.primary)
            .await
            .expect("the store is installed");
        memory
    }

    /// Submits and adopts a migration of a new table.
    async fn adopted(&self, rows: &[(u64, u64)], changes: &str) -> Lease {
        let id = MigrationId::from_random(self.cluster.clock().random());
        let table = TableName::new("app", format!("t_{id}"));
        self.cluster.create_table(&self.primary, &table, rows.iter().copied());
        let submission = Submission {
            statement: format!("ALTER TABLE {table} {changes}"),
            schema: table.schema,
            table: table.table,
            id,
            options: Options::default(),
            components: Vec::new(),
        };
        self.scheduler()
            .submit(&self.primary, &submission)
            .await
            .expect("the migration is submitted");
        self.adopt(&submission.id, Epoch(0), "one").await
    }

    async fn subject_of(&self, rows: &[(u64, u64)], changes: &str) -> Subject {
        let lease = self.adopted(rows, changes).await;
        let migration = self.scheduler().get(&self.primary, &lease.migration).await;
        Subject {
            migration: migration.expect("it was submitted"),
            lease,
        }
    }

    async fn adopt(&self, id: &MigrationId, expected: Epoch, life: &str) -> Lease {
        let (agent, incarnation) = (AgentId::new("fixture"), Incarnation::new(life));
        let adopted = self
            .scheduler()
            .adopt(&self.primary, id, expected, &agent, &incarnation)
            .await;
        adopted.expect("the migration is adopted")
    }

    fn written(&self, lease: &Lease) -> TableName {
        TableName::new("written", lease.migration.as_str())
    }

    fn source(&self, subject: &Subject) -> TableName {
        TableName::source(&subject.migration)
    }
}

#[async_trait]
impl ClusterFixture for Memory {
    fn primary(&self) -> Server {
        self.primary.clone()
    }

    fn replica(&self) -> Server {
        self.replica.clone()
    }

    async fn replicated(&self) {
        self.cluster.replicate_all();
    }

    fn nobody(&self) -> Server {
        Server {
            uuid: ServerUuid::new("ffffffff-0000-4000-8000-000000000000"),
            address: "nowhere:3306".to_owned(),
        }
    }
}

#[async_trait]
impl SchedulerFixture for Memory {
    fn scheduler(&self) -> Arc<dyn Scheduler> {
        Arc::new(MemoryScheduler::new(&self.cluster))
    }

    fn bare_server(&self) -> Server {
        self.bare.clone()
    }
}

#[async_trait]
impl CheckpointFixture for Memory {
    fn store(&self) -> Arc<dyn CheckpointStore> {
        Arc::new(MemoryCheckpoints::new(&self.cluster))
    }

    async fn lease(&self) -> Lease {
        let lease = self.adopted(&[], "ENGINE=InnoDB").await;
        self.cluster.create_table(&self.primary, &self.written(&lease), []);
        lease
    }

    async fn depose(&self, lease: &Lease) {
        self.adopt(&lease.migration, lease.epoch, "two").await;
    }

    async fn begin(&self, lease: &Lease) -> Result<Box<dyn Transaction>> {
        Ok(Box::new(MemoryTransaction::begin(&self.cluster, lease).await?))
    }

    async fn put_row(&self, transaction: &mut dyn Transaction, number: u64) {
        let table = self.written(transaction.lease());
        let transaction = transaction.as_any_mut().downcast_mut::<MemoryTransaction>();
        transaction
            .expect("it was begun here")
            .set_row(&table, number, Some(number));
    }

    async fn rows(&self, lease: &Lease) -> Vec<u64> {
        let rows = self.cluster.rows(&self.primary, &self.written(lease));
        rows.expect("it was created with the lease").into_keys().collect()
    }

    fn key(&self, number: u64) -> Key {
        key(number)
    }

    async fn commit_without_reply(&self, transaction: Box<dyn Transaction>, recorded: Recorded) -> Result<()> {
        self.cluster.lose_next_reply();
        transaction.commit(recorded).await
    }
}

#[async_trait]
impl TopologyFixture for Memory {
    fn topology(&self) -> Arc<dyn Topology> {
        Arc::new(MemoryTopology::new(&self.cluster))
    }

    async fn commit(&self, server: &Server) {
        let table = TableName::new("app", "commits");
        self.cluster.create_table(server, &table, []);
    }

    async fn set_writable(&self, server: &Server, writable: bool) {
        self.cluster.set_writable(server, writable);
    }

    async fn stop_applying(&self) {}

    async fn received(&self) {
        self.cluster.receive(&self.primary, &self.replica, usize::MAX);
    }

    async fn set_fit(&self, fit: bool) {
        let reason = (!fit).then_some("filters everything");
        self.cluster.set_unfit(&self.replica, reason);
    }

    async fn detach(&self) {
        self.cluster.promote(&self.replica);
        self.cluster.set_writable(&self.replica, false);
    }
}

#[async_trait]
impl StreamFixture for Memory {
    fn stream(&self) -> Arc<dyn Stream> {
        Arc::new(MemoryStream::new(&self.cluster, self.store()))
    }

    async fn subject(&self, rows: &[(u64, u64)]) -> Subject {
        self.subject_of(rows, "ENGINE=InnoDB").await
    }

    async fn unique_subject(&self, rows: &[(u64, u64)]) -> Subject {
        self.subject_of(rows, "ADD UNIQUE (value)").await
    }

    async fn depose(&self, subject: &Subject) {
        self.adopt(&subject.lease.migration, subject.lease.epoch, "two").await;
    }

    async fn end_sessions(&self, _: &Subject) {
        self.cluster.disconnect(&self.primary);
    }

    fn key(&self, number: u64) -> Key {
        key(number)
    }

    async fn rows(&self, subject: &Subject, place: Place) -> Option<BTreeMap<u64, u64>> {
        let table = match place {
            Place::Source => TableName::source(&subject.migration),
            Place::Shadow => TableName::shadow(&subject.migration),
            Place::Retired => TableName::retired(&subject.migration),
        };
        self.cluster.rows(&self.primary, &table)
    }

    async fn write(&self, subject: &Subject, rows: &[(u64, Option<u64>)]) {
        let table = self.source(subject);
        // Every other transaction is in the binlog well before it is visible.
        let keys: BTreeSet<u64> = rows.iter().map(|(key, _)| *key).collect();
        if keys.len() == 1 && self.cluster.flush(&self.primary, &table, rows).is_ok() {
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
            self.cluster.settle(&self.primary);
            return;
        }
        let written = self.cluster.write_waiting(&self.primary, &table, rows).await;
        written.expect("the primary takes writes");
    }

    async fn rename_row(&self, subject: &Subject, from: u64, to: u64) {
        let table = self.source(subject);
        let value = self
            .cluster
            .rows(&self.primary, &table)
            .and_then(|rows| rows.get(&from).copied());
        let written = self.cluster.write(&self.primary, &table, &[(from, None), (to, value)]);
        written.expect("the primary takes writes");
    }

    async fn xa_prepare(&self, subject: &Subject, row: u64, value: u64) -> Xid {
        let xid = Xid(format!("xa-{row}").into_bytes());
        let rows = [(row, Some(value))];
        let prepared = self
            .cluster
            .xa_prepare(&self.primary, &xid, &self.source(subject), &rows);
        prepared.expect("the primary takes writes");
        xid
    }

    async fn xa_end(&self, _: &Subject, xid: &Xid, commit: bool) {
        let ended = match commit {
            true => self.cluster.xa_commit(&self.primary, xid),
            false => self.cluster.xa_rollback(&self.primary, xid),
        };
        ended.expect("the transaction is prepared");
    }

    async fn truncate(&self, subject: &Subject) {
        self.cluster.truncate(&self.primary, &self.source(subject));
    }
}

#[async_trait]
impl InstantFixture for Memory {
    async fn instant_subject(&self, rows: &[(u64, u64)]) -> Subject {
        self.subject_of(rows, "RENAME COLUMN a TO b, RENAME COLUMN b TO a")
            .await
    }

    async fn is_altered(&self, subject: &Subject) -> bool {
        self.cluster.swaps(&self.primary, &self.source(subject)) == Some(1)
    }
}

mod instant {
    use super::Memory;
    outlast_core::contract::instant_suite!(Memory::start().await);
}

mod checkpoint {
    use super::Memory;
    outlast_core::contract::checkpoint_suite!(Memory::start().await);
}

mod scheduler {
    use super::Memory;
    outlast_core::contract::scheduler_suite!(Memory::start().await);
}

mod stream {
    use super::Memory;
    outlast_core::contract::stream_suite!(Memory::start().await);
}

mod topology {
    use super::Memory;
    outlast_core::contract::topology_suite!(Memory::start().await);
}

//! Checkpoints on real servers.

#![allow(clippy::unwrap_used)]

use std::{any::Any, sync::Arc, time::Duration};

use async_trait::async_trait;
use outlast_checkpoint_mysql::MySqlCheckpoints;
use outlast_core::{
    AgentId, CheckpointStore, Epoch, ErrorKind, GtidSet, Incarnation, Key, KeyRange, Lease, MigrationId, Result,
    Server, ServerUuid,
    checkpoint::{Checkpoint, Progress, Recorded, Transaction},
    ledger::Chunk,
};
use outlast_mysql::{Connector, FencedTransaction, Purpose, SessionPool};
use outlast_testbed::{Cluster, Node, Topology, accounts};

const SOURCE: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

struct Bench {
    cluster: Cluster,
    checkpoints: MySqlCheckpoints,
    lease: Lease,
    pool: Arc<SessionPool>,
}

async fn server(node: &Node) -> Server {
    Server {
        uuid: ServerUuid::new(node.server_uuid().await.unwrap()),
        address: node.address(),
    }
}

impl Bench {
    /// A store that is installed, and a lease that the fence confirms.
    async fn start(topology: Topology) -> Self {
        let cluster = Cluster::start(topology).await.unwrap();
        let connector = Connector::new(accounts::OUTLAST_USER, Some(accounts::OUTLAST_PASSWORD.to_owned()));
        let primary = server(cluster.primary()).await;
        let checkpoints = MySqlCheckpoints::new(connector.clone());
        let lease = Lease {
            migration: MigrationId::from_random(1),
            epoch: Epoch(1),
            agent: AgentId::new("agent"),
            incarnation: Incarnation::new("life"),
            server: primary.clone(),
        };
        assert_eq!(checkpoints.load(&primary, &lease.migration).await.unwrap(), None);
        checkpoints.install(&primary).await.unwrap();
        checkpoints.install(&primary).await.unwrap();
        for sql in [
            "CREATE TABLE _outlast.fence (migration CHAR(16) PRIMARY KEY, epoch BIGINT UNSIGNED, \
             incarnation VARCHAR(64), server_uuid CHAR(36))"
                .to_owned(),
            format!(
                "INSERT INTO _outlast.fence VALUES ('{}', 1, 'life', '{}')",
                lease.migration, primary.uuid
            ),
        ] {
            cluster.primary().execute(&sql).await.unwrap();
        }
        let pool = SessionPool::new(connector, primary, Purpose::default());
        Self {
            cluster,
            checkpoints,
            lease,
            pool,
        }
    }

    async fn record(&self, progress: Progress<'_>) -> Result<()> {
        let mut transaction = Box::new(FencedTransaction::begin(&self.pool, &self.lease).await?);
        let recorded = self.checkpoints.record(&mut *transaction, progress).await?;
        transaction.commit(recorded).await
    }

    /// Records it twice, as after a lost reply.
    async fn record_twice(&self, progress: Progress<'_>) {
        self.record(progress.clone()).await.unwrap();
        self.record(progress).await.unwrap();
    }

    async fn load(&self) -> Option<Checkpoint> {
        self.checkpoints
            .load(&self.lease.server, &self.lease.migration)
            .await
            .unwrap()
    }
}

fn set(text: &str) -> GtidSet {
    format!("{SOURCE}:{text}").parse().unwrap()
}

fn key(n: u8) -> Key {
    Key::new(vec![n, 0, 255], format!("naïve-{n}"))
}

fn chunk(after: Option<u8>, upto: Option<u8>, rows: u64) -> Chunk {
    Chunk {
        range: KeyRange {
            after: after.map(key),
            upto: upto.map(key),
        },
        rows,
    }
}

#[tokio::test]
async fn recorded_progress_is_loaded_back_also_after_lost_replies() {
    let bench = Bench::start(Topology::Single).await;
    let begun = set("1-5");
    let chunks = [
        chunk(None, Some(1), 10),
        chunk(Some(1), Some(2), 20),
        chunk(Some(2), Some(3), 30),
    ];
    let early = bench.record(Progress::Copied(&chunks[0])).await;
    assert_eq!(early.unwrap_err().kind(), ErrorKind::Inconsistent);
    bench.record_twice(Progress::Begin { position: &begun }).await;
    bench.record_twice(Progress::Begin { position: &set("1-9") }).await;
    let begun = Checkpoint {
        position: begun,
        ..Checkpoint::default()
    };
    assert_eq!(bench.load().await.unwrap(), begun);

    bench.record_twice(Progress::Copied(&chunks[2])).await;
    bench.record_twice(Progress::Copied(&chunks[0])).await;
    bench.record_twice(Progress::Copied(&chunks[1])).await;
    assert_eq!(bench.load().await.unwrap().chunks, chunks);
    let other_end = chunk(Some(1), Some(9), 1);
    let contradiction = bench.record(Progress::Copied(&other_end)).await;
    assert_eq!(contradiction.unwrap_err().kind(), ErrorKind::Inconsistent);

    for (applier, position) in [(0, "1-20"), (1, "1-12:15"), (0, "1-21")] {
        let position = &set(position);
        bench.record_twice(Progress::Applied { applier, position }).await;
    }
    assert_eq!(bench.load().await.unwrap().position, set("1-12:15"));
    let position = &set("1-22");
    bench.record_twice(Progress::Advanced { position }).await;
    assert_eq!(bench.load().await.unwrap().position, *position);

    let first = Progress::Folded {
        upto: Some(&key(2)),
        chunks: &chunks[..2],
    };
    bench.record_twice(first.clone()).await;
    let loaded = bench.load().await.unwrap();
    assert_eq!(
        (loaded.folded.unwrap(), loaded.folded_rows),
        (chunk(None, Some(2), 0).range, 30)
    );
    assert_eq!(loaded.chunks, chunks[2..]);

    let last = chunk(Some(3), None, 40);
    let gap = [last.clone()];
    bench.record_twice(Progress::Copied(&last)).await;
    let gap = bench
        .record(Progress::Folded {
            upto: None,
            chunks: &gap,
        })
        .await;
    assert_eq!(gap.unwrap_err().kind(), ErrorKind::Inconsistent);
    let rest = [chunks[2].clone(), last];
    bench
        .record_twice(Progress::Folded {
            upto: None,
            chunks: &rest,
        })
        .await;
    // An older step that arrives late takes nothing back.
    bench.record_twice(first).await;
    let loaded = bench.load().await.unwrap();
    assert_eq!((loaded.folded.unwrap(), loaded.folded_rows), (KeyRange::ALL, 100));
    assert!(loaded.chunks.is_empty());

    for _ in 0..2 {
        bench
            .checkpoints
            .forget(&bench.lease.server, &bench.lease.migration)
            .await
            .unwrap();
        assert_eq!(bench.load().await, None);
    }
}

#[tokio::test]
async fn progress_of_a_rolled_back_transaction_is_not_recorded() {
    let bench = Bench::start(Topology::Single).await;
    bench.record(Progress::Begin { position: &set("1") }).await.unwrap();
    let before = bench.load().await;
    for is_dropped in [false, true] {
        let mut transaction = Box::new(FencedTransaction::begin(&bench.pool, &bench.lease).await.unwrap());
        let chunk = chunk(None, None, 1);
        let recorded = bench
            .checkpoints
            .record(&mut *transaction, Progress::Copied(&chunk))
            .await;
        drop(recorded.unwrap());
        match is_dropped {
            true => drop(transaction),
            false => transaction.rollback().await.unwrap(),
        }
        assert_eq!(bench.load().await, before);
    }
}

#[tokio::test]
async fn chunks_and_appliers_do_not_wait_for_each_other() {
    let bench = Bench::start(Topology::Single).await;
    bench.record(Progress::Begin { position: &set("1") }).await.unwrap();
    let position = set("1-2");
    let (first, second) = (chunk(None, Some(1), 1), chunk(Some(1), None, 1));
    let mut open = Vec::new();
    for progress in [
        Progress::Copied(&first),
        Progress::Copied(&second),
        Progress::Applied {
            applier: 0,
            position: &position,
        },
        Progress::Applied {
            applier: 1,
            position: &position,
        },
    ] {
        let mut transaction = Box::new(FencedTransaction::begin(&bench.pool, &bench.lease).await.unwrap());
        let recorded = bench.checkpoints.record(&mut *transaction, progress);
        let recorded = tokio::time::timeout(Duration::from_secs(2), recorded)
            .await
            .unwrap()
            .unwrap();
        open.push((transaction, recorded));
    }
    for (transaction, recorded) in open {
        transaction.commit(recorded).await.unwrap();
    }
    assert_eq!(bench.load().await.unwrap().chunks.len(), 2);
}

#[tokio::test]
async fn a_replica_holds_the_checkpoint_too() {
    let bench = Bench::start(Topology::AsyncGtid { nodes: 2 }).await;
    bench.record(Progress::Begin { position: &set("1-3") }).await.unwrap();
    bench.record(Progress::Copied(&chunk(None, Some(7), 5))).await.unwrap();
    bench
        .cluster
        .wait_for_catch_up(1, Duration::from_secs(10))
        .await
        .unwrap();
    let replica = server(bench.cluster.node(1)).await;
    let loaded = bench.checkpoints.load(&replica, &bench.lease.migration).await.unwrap();
    assert_eq!(loaded, bench.load().await);
    let written = bench.checkpoints.forget(&replica, &bench.lease.migration).await;
    assert_eq!(written.unwrap_err().kind(), ErrorKind::NotPrimary);
}

struct Foreign(Lease);

#[async_trait]
impl Transaction for Foreign {
    fn lease(&self) -> &Lease {
        &self.0
    }
    fn serial(&self) -> u64 {
        0
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
    async fn commit(self: Box<Self>, _: Recorded) -> Result<()> {
        Ok(())
    }
    async fn rollback(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_transaction_of_another_kind_is_refused() {
    let bench = Bench::start(Topology::Single).await;
    let mut foreign = Foreign(bench.lease.clone());
    let recorded = bench
        .checkpoints
        .record(&mut foreign, Progress::Begin { position: &set("1") })
        .await;
    assert_eq!(recorded.unwrap_err().kind(), ErrorKind::Inconsistent);
}

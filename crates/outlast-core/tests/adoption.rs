//! An agent that looks at a migration whose owner is alive and at work.

#![allow(clippy::unwrap_used)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use outlast_core::{
    Agent, AgentId, CheckpointStore, Clock, GtidSet, MigrationId, Result, Scheduler, Server, Status,
    agent::{NativePolicies, Parts},
    checkpoint::{Checkpoint, Progress, Recorded, Transaction},
    engine::{Services, Settings},
    memory::{Cluster, ManualClock, MemoryCheckpoints, MemoryScheduler, MemoryStream, MemoryTopology, TableName},
    policy::Policies,
    scheduler::{Options, Submission},
    throttle::AtEase,
};
use tokio_util::sync::CancellationToken;

/// Checkpoints that are read slowly: whoever owns the migration commits more before they are.
struct Slow {
    checkpoints: MemoryCheckpoints,
    clock: Arc<dyn Clock>,
    cluster: Arc<Cluster>,
    table: TableName,
    /// How often the position moved while it was waited for.
    moved: Arc<AtomicUsize>,
}

impl Slow {
    async fn position(&self, server: &Server, id: &MigrationId) -> Result<Option<GtidSet>> {
        let loaded = self.checkpoints.load(server, id).await?;
        Ok(loaded.map(|checkpoint| checkpoint.position))
    }
}

#[async_trait]
impl CheckpointStore for Slow {
    async fn install(&self, primary: &Server) -> Result<()> {
        self.checkpoints.install(primary).await
    }

    async fn load(&self, server: &Server, id: &MigrationId) -> Result<Option<Checkpoint>> {
        let before = self.position(server, id).await?;
        for row in 0..10 {
            self.cluster
                .write_waiting(server, &self.table, &[(row, Some(10_000 + row))])
                .await?;
            // Virtual time, in which the owner works.
            self.clock.sleep(Duration::from_millis(100)).await;
        }
        if before != self.position(server, id).await? {
            self.moved.fetch_add(1, Ordering::Relaxed);
        }
        self.checkpoints.load(server, id).await
    }

    async fn record(&self, transaction: &mut dyn Transaction, progress: Progress<'_>) -> Result<Recorded> {
        self.checkpoints.record(transaction, progress).await
    }

    async fn forget(&self, primary: &Server, id: &MigrationId) -> Result<()> {
        self.checkpoints.forget(primary, id).await
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_commits_while_another_looks_is_no_reason_to_fail() {
    let clock: Arc<dyn Clock> = ManualClock::seeded(1);
    let (cluster, servers) = Cluster::with_servers(Arc::clone(&clock), 1);
    let primary = servers[0].clone();
    let table = TableName::new("shop", "orders");
    cluster.create_table(&primary, &table, (0..2000).map(|n| (n * 2, n)));
    let scheduler = Arc::new(MemoryScheduler::new(&cluster));
    scheduler.install(&primary).await.unwrap();
    MemoryCheckpoints::new(&cluster).install(&primary).await.unwrap();
    let id = MigrationId::from_random(1);
    let submission = Submission {
        id: id.clone(),
        statement: "ALTER TABLE shop.orders ADD COLUMN note INT".to_owned(),
        schema: "shop".to_owned(),
        table: "orders".to_owned(),
        options: Options {
            postpone_completion: true,
            chunk_rows: Some(4),
            chunk_pause_ms: 300,
            // Each takes what the other has as soon as it sees it.
            policy_params: vec![("takeover_after".to_owned(), "0s".to_owned())],
            ..Options::default()
        },
        components: Vec::new(),
    };
    scheduler.submit(&primary, &submission).await.unwrap();
    let moved = Arc::new(AtomicUsize::new(0));
    let start = |name: &str, is_slow: bool| {
        let fast: Arc<dyn CheckpointStore> = Arc::new(MemoryCheckpoints::new(&cluster));
        let slow = Slow {
            checkpoints: MemoryCheckpoints::new(&cluster),
            clock: Arc::clone(&clock),
            cluster: Arc::clone(&cluster),
            table: table.clone(),
            moved: Arc::clone(&moved),
        };
        let parts = Parts {
            topology: Arc::new(MemoryTopology::new(&cluster)),
            services: Services {
                stream: Arc::new(MemoryStream::new(&cluster, Arc::clone(&fast))),
                scheduler: Arc::new(MemoryScheduler::new(&cluster)),
                clock: Arc::clone(&clock),
                gauge: Arc::new(AtEase),
                settings: Settings::default(),
            },
            checkpoints: if is_slow { Arc::new(slow) } else { fast },
            policies: Policies::native_defaults(),
            loader: Arc::new(NativePolicies),
        };
        let agent = Agent::new(parts, AgentId::new(name));
        tokio::spawn(async move { agent.run(CancellationToken::new()).await })
    };
    let agents = [start("owner", false), start("onlooker", true)];
    for _ in 0..600 {
        // Virtual time: a minute in all.
        clock.sleep(Duration::from_millis(100)).await;
        let migration = scheduler.get(&primary, &id).await.unwrap();
        assert_ne!(migration.status, Status::Failed, "{}", migration.message);
    }
    let moved = moved.load(Ordering::Relaxed);
    assert!(
        moved > 3,
        "the owner committed only {moved} times while the other looked"
    );
    for agent in agents {
        agent.abort();
    }
}

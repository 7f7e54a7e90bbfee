//! A run that panics is begun anew as often as the retry policy allows, and leaves a history that can be read.

#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use outlast_core::{
    Agent, AgentId, CheckpointStore, Clock, MigrationId, Scheduler, Status,
    agent::{NativePolicies, Parts},
    engine::{Services, Settings},
    memory::{Cluster, ManualClock, MemoryCheckpoints, MemoryScheduler, MemoryStream, MemoryTopology, TableName},
    policy::Policies,
    scheduler::{Options, Submission},
};
use tokio_util::sync::CancellationToken;

/// Only runs sleep for so long.
const DEADLY: Duration = Duration::from_millis(777);

/// Panics when it is asked to sleep for [`DEADLY`].
struct Trap(Arc<dyn Clock>);

#[async_trait]
impl Clock for Trap {
    fn now(&self) -> Duration {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        assert!(duration != DEADLY, "it ran into the trap");
        self.0.sleep(duration).await;
    }

    fn random(&self) -> u64 {
        self.0.random()
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_crashes_is_begun_anew_as_often_as_the_retry_policy_allows() {
    let clock: Arc<dyn Clock> = ManualClock::seeded(1);
    let (cluster, servers) = Cluster::with_servers(Arc::clone(&clock), 1);
    let (primary, scheduler) = (&servers[0], Arc::new(MemoryScheduler::new(&cluster)));
    cluster.create_table(primary, &TableName::new("shop", "orders"), [(1, 1), (2, 2)]);
    let checkpoints: Arc<dyn CheckpointStore> = Arc::new(MemoryCheckpoints::new(&cluster));
    scheduler.install(primary).await.unwrap();
    checkpoints.install(primary).await.unwrap();
    let submission = Submission {
        id: MigrationId::from_random(1),
        statement: "ALTER TABLE shop.orders ADD COLUMN note INT".to_owned(),
        schema: "shop".to_owned(),
        table: "orders".to_owned(),
        options: Options {
            postpone_completion: true,
            ..Options::default()
        },
        components: Vec::new(),
    };
    scheduler.submit(primary, &submission).await.unwrap();
    let parts = Parts {
        topology: Arc::new(MemoryTopology::new(&cluster)),
        services: Services {
            stream: Arc::new(MemoryStream::new(&cluster, Arc::clone(&checkpoints))),
            scheduler: Arc::clone(&scheduler) as Arc<dyn Scheduler>,
            clock: Arc::new(Trap(Arc::clone(&clock))),
            settings: Settings {
                request_interval: DEADLY,
                ..Settings::default()
            },
        },
        checkpoints,
        policies: Policies::native_defaults(),
        loader: Arc::new(NativePolicies),
    };
    let agent = Agent::new(parts, AgentId::new("a")).only(submission.id.clone());
    // In the default policy's own time, 30 attempts take minutes.
    let ran = tokio::time::timeout(Duration::from_secs(3600), agent.run(CancellationToken::new()));
    ran.await.unwrap();

    let migration = scheduler.get(primary, &submission.id).await.unwrap();
    assert_eq!(migration.status, Status::Failed, "{}", migration.message);
    for words in ["gave up after 30 attempts", "Outlast crashed", "it ran into the trap"] {
        assert!(migration.message.contains(words), "{}", migration.message);
    }
    assert_eq!(migration.retries, 29);
    let events = scheduler.events(primary, &submission.id).await.unwrap();
    let crashes: Vec<&str> = events
        .iter()
        .filter(|e| e.kind == "failure")
        .map(|e| e.detail.as_str())
        .collect();
    assert!(
        matches!(crashes[..], [all] if all.contains("it ran into the trap") && all.contains("(29 times since ")),
        "{crashes:?}"
    );
    assert!(events.len() < 20, "{events:#?}");
}

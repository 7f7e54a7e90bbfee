//! The real agent and engine on clusters in memory, through random failovers, in random order.
//!
//! Each seed is one migration: an application writes all the time, two agents compete, and fate switches over, kills the
//! primary and promotes a replica with or without loss, kills agents, and loses replies. While it goes on, every server is
//! checked to hold a consistent state of the migration (invariant I5); at the end the migration is complete, and the new table
//! equals the retired one.
//!
//! Every other migration swaps the names of two columns, which the server can do at once, or seems to: it must be done exactly
//! once, for done twice it is undone.

#![allow(clippy::unwrap_used)]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use outlast_core::{
    Agent, AgentId, CheckpointStore, Clock, ErrorKind, Migration, MigrationId, Phase, Scheduler, Server, Status,
    agent::{NativePolicies, Parts},
    engine::{Services, Settings},
    memory::{Cluster, ManualClock, MemoryCheckpoints, MemoryScheduler, MemoryStream, MemoryTopology, TableName},
    policy::Policies,
    scheduler::{Options, Path, Request, Submission},
    throttle::AtEase,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const SEEDS: u64 = 100;
const ROWS: u64 = 60;
/// Virtual time within which a migration must be complete once nothing disturbs it any more.
const BOUND: Duration = Duration::from_secs(300);

struct World {
    cluster: Arc<Cluster>,
    servers: Vec<Server>,
    primary: Mutex<Server>,
    clock: Arc<dyn Clock>,
    scheduler: Arc<MemoryScheduler>,
    table: TableName,
    id: MigrationId,
    change: Change,
}

/// What the migration does to the table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    /// Copies all rows.
    Copied,
    /// The server does it at once.
    Instant,
    /// An empty clone shows that it can be done at once, and then it can't.
    SeeminglyInstant,
}

impl Change {
    fn of(seed: u64) -> Self {
        match seed % 4 {
            0 | 2 => Self::Copied,
            1 => Self::Instant,
            _ => Self::SeeminglyInstant,
        }
    }

    fn statement(self) -> &'static str {
        match self {
            Self::Copied => "ALTER TABLE shop.orders ADD COLUMN note INT",
            Self::Instant | Self::SeeminglyInstant => {
                "ALTER TABLE shop.orders RENAME COLUMN a TO b, RENAME COLUMN b TO a"
            }
        }
    }
}

impl World {
    async fn begin(seed: u64) -> Arc<Self> {
        let clock: Arc<dyn Clock> = ManualClock::seeded(seed);
        let (cluster, servers) = Cluster::with_servers(Arc::clone(&clock), 3);
        cluster.set_latency(Duration::from_millis(20));
        let scheduler = Arc::new(MemoryScheduler::new(&cluster));
        let table = TableName::new("shop", "orders");
        cluster.create_table(&servers[0], &table, (0..ROWS).map(|n| (n * 2, n)));
        scheduler.install(&servers[0]).await.unwrap();
        MemoryCheckpoints::new(&cluster).install(&servers[0]).await.unwrap();
        let change = Change::of(seed);
        if change == Change::SeeminglyInstant {
            cluster.make_rigid(&servers[0], &table);
        }
        let id = MigrationId::from_random(seed);
        let submission = Submission {
            id: id.clone(),
            statement: change.statement().to_owned(),
            schema: "shop".to_owned(),
            table: "orders".to_owned(),
            options: Options {
                postpone_completion: true,
                chunk_rows: Some(4),
                chunk_pause_ms: 300,
                ..Options::default()
            },
            components: Vec::new(),
        };
        scheduler.submit(&servers[0], &submission).await.unwrap();
        cluster.replicate_all();
        Arc::new(Self {
            primary: Mutex::new(servers[0].clone()),
            cluster,
            servers,
            clock,
            scheduler,
            table,
            id,
            change,
        })
    }

    fn primary(&self) -> Server {
        self.primary.lock().unwrap().clone()
    }

    fn start_agent(&self, name: &str) -> JoinHandle<()> {
        let checkpoints: Arc<dyn CheckpointStore> = Arc::new(MemoryCheckpoints::new(&self.cluster));
        let parts = Parts {
            topology: Arc::new(MemoryTopology::new(&self.cluster)),
            services: Services {
                stream: Arc::new(MemoryStream::new(&self.cluster, Arc::clone(&checkpoints))),
                scheduler: Arc::new(MemoryScheduler::new(&self.cluster)),
                clock: Arc::clone(&self.clock),
                gauge: Arc::new(AtEase),
                settings: Settings::default(),
            },
            checkpoints,
            policies: Policies::native_defaults(),
            loader: Arc::new(NativePolicies),
        };
        let agent = Agent::new(parts, AgentId::new(name));
        tokio::spawn(async move {
            agent.run(CancellationToken::new()).await;
        })
    }

    async fn pause(&self, milliseconds: u64) {
        self.clock.sleep(Duration::from_millis(milliseconds)).await;
    }

    /// The application: inserts, updates and deletes, on whoever is primary. Its statements may fail in a failover.
    async fn write(&self, random: &mut StdRng) {
        let rows: Vec<(u64, Option<u64>)> = (0..random.random_range(1..4))
            .map(|_| {
                let value = (!random.random_bool(0.3)).then(|| random.random_range(1000..1_000_000));
                (random.random_range(0..ROWS * 2), value)
            })
            .collect();
        let _ = self.cluster.write_waiting(&self.primary(), &self.table, &rows).await;
    }

    fn other(&self, random: &mut StdRng) -> Server {
        let primary = self.primary();
        let others: Vec<&Server> = self.servers.iter().filter(|s| **s != primary).collect();
        others[random.random_range(0..others.len())].clone()
    }

    fn switch_over(&self, random: &mut StdRng) {
        let to = self.other(random);
        self.cluster.switch_over(&self.primary(), &to);
        *self.primary.lock().unwrap() = to;
    }

    /// The primary dies; a replica with all or with some of its transactions is promoted; the dead one is made anew.
    async fn crash(&self, random: &mut StdRng) {
        let (old, to) = (self.primary(), self.other(random));
        let backlog = random.random_range(0..20);
        self.cluster.replicate(&old, &to, backlog);
        self.cluster.kill(&old);
        self.pause(random.random_range(0..3000)).await;
        self.cluster.promote(&to);
        self.cluster.apply_relay(&to, usize::MAX);
        *self.primary.lock().unwrap() = to.clone();
        for server in self.servers.iter().filter(|s| **s != to) {
            self.cluster.revive(server);
            self.cluster.rebuild(server, &to);
        }
    }

    fn check(&self) {
        for server in &self.servers {
            if let Err(violation) = self.cluster.check(server) {
                panic!("{server}: {violation}");
            }
            let swaps = self.cluster.swaps(server, &self.table).unwrap_or_default();
            assert!(swaps <= 1, "{server}: the statement was run {swaps} times");
        }
    }

    async fn migration(&self) -> Option<Migration> {
        self.scheduler.get(&self.primary(), &self.id).await.ok()
    }

    async fn until(&self, what: &str, condition: impl Fn(&Migration) -> bool) -> Migration {
        let begun = self.clock.now();
        loop {
            let migration = self.migration().await;
            if let Some(migration) = migration.clone().filter(|m| condition(m)) {
                return migration;
            }
            assert!(
                self.clock.now() - begun < BOUND,
                "no progress: waited for {what}, and have {migration:?}"
            );
            self.pause(100).await;
        }
    }
}

async fn live(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let world = World::begin(seed).await;
    let mut agents = vec![world.start_agent("a"), world.start_agent("b")];
    let over = Arc::new(AtomicBool::new(false));
    let application = tokio::spawn({
        let (world, over, mut random) = (Arc::clone(&world), Arc::clone(&over), StdRng::seed_from_u64(seed + 1));
        async move {
            while !over.load(Ordering::Relaxed) {
                world.write(&mut random).await;
                world.pause(random.random_range(1..60)).await;
            }
        }
    });
    let replication = tokio::spawn({
        let (world, mut random) = (Arc::clone(&world), StdRng::seed_from_u64(seed + 2));
        async move {
            loop {
                for server in &world.servers {
                    let from = world.primary();
                    if *server != from {
                        world.cluster.replicate(&from, server, random.random_range(0..6));
                    }
                }
                world.check();
                world.pause(random.random_range(1..20)).await;
            }
        }
    });
    // What is instant is over in an instant: fate has to be quick.
    let (acts, longest) = match world.change {
        Change::Instant => (random.random_range(1..12), 250),
        Change::Copied | Change::SeeminglyInstant => (random.random_range(1..7), 4000),
    };
    let asked_early = random.random_range(0..acts * 2);
    for act in 0..acts {
        if act == asked_early && world.change != Change::Copied {
            // What is written after a swap is in one of the tables only that are compared at the end.
            over.store(world.change == Change::SeeminglyInstant, Ordering::Relaxed);
            // Whether it succeeds or not: it is asked for again below.
            let _ = world
                .scheduler
                .request(&world.primary(), &world.id, Request::Complete)
                .await;
        }
        world.pause(random.random_range(10..longest)).await;
        match random.random_range(0..5) {
            0 => world.switch_over(&mut random),
            1 | 2 => world.crash(&mut random).await,
            3 => {
                let victim = random.random_range(0..agents.len());
                agents[victim].abort();
                agents[victim] = world.start_agent("c");
            }
            _ => world.cluster.lose_next_reply(),
        }
    }
    world
        .until("the copy", |m| m.phase == Phase::Ready || m.status.is_final())
        .await;
    over.store(true, Ordering::Relaxed);
    application.await.unwrap();
    let primary = world.primary();
    // Asked again if the reply is lost.
    while let Err(error) = world.scheduler.request(&primary, &world.id, Request::Complete).await {
        match error.kind() {
            ErrorKind::ServerGone => {}
            // It was asked for early, and is complete already.
            ErrorKind::BadRequest => break,
            _ => panic!("{error}"),
        }
    }
    let ended = world.until("the end", |m| m.status.is_final()).await;
    assert_eq!(ended.status, Status::Complete, "{}", ended.message);
    let (new, retired) = (TableName::source(&ended), TableName::retired(&ended));
    let expected = match world.change {
        Change::Instant => Path::Instant,
        Change::Copied | Change::SeeminglyInstant => Path::Copy,
    };
    assert_eq!(ended.path, Some(expected));
    let swaps = u64::from(world.change != Change::Copied);
    assert_eq!(world.cluster.swaps(&primary, &new), Some(swaps));
    if expected == Path::Copy {
        assert_eq!(
            world.cluster.rows(&primary, &new),
            world.cluster.rows(&primary, &retired)
        );
    }
    assert!(
        !replication.is_finished(),
        "a server held an inconsistent state of the migration"
    );
    replication.abort();
    for agent in agents {
        agent.abort();
    }
}

#[test]
fn whatever_fate_does_the_migration_completes_and_no_row_is_lost() {
    let only = std::env::var("OUTLAST_SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in only.map_or(0..SEEDS, |seed| seed..seed + 1) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let lived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(live(seed))));
        assert!(
            lived.is_ok(),
            "seed {seed} fails, as told above; to see it again: OUTLAST_SEED={seed}"
        );
    }
}

//! A simulated cluster, its application, and the real agents on it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use outlast_core::{
    Agent, AgentId, CheckpointStore, Clock, ErrorKind, MigrationId, Result, Scheduler, Server,
    agent::{NativePolicies, Parts},
    engine::{Services, Settings},
    ledger::Xid,
    memory::{
        Cluster, ManualClock, MemoryCheckpoints, MemoryGauge, MemoryScheduler, MemoryStream, MemoryTopology, TableName,
    },
    policy::Policies,
    scheduler::{Options, Request, Submission},
};
use rand::{Rng, SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::plan::{Act, Change, KEYS, Moment, Plan};

/// The environment does something also where no agent does anything: soon at first, and then less and less often.
const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) servers: Vec<Server>,
    pub(crate) scheduler: MemoryScheduler,
    pub(crate) table: TableName,
    pub(crate) id: MigrationId,
    primary: Mutex<Server>,
    agents: Mutex<Vec<AgentLife>>,
    /// Says that the environment shall stop.
    over: AtomicBool,
    violation: Mutex<Option<String>>,
    /// When the last thing that fate has begun will have ended.
    expected_until: Mutex<Duration>,
}

/// An agent's process.
struct AgentLife {
    name: String,
    handle: Arc<Cluster>,
    task: Option<JoinHandle<()>>,
}

impl World {
    /// A cluster with a table, and a migration of it that is submitted and known to all servers.
    pub(crate) async fn begin(plan: &Plan, keep_journal: bool) -> Result<Arc<Self>> {
        let clock: Arc<dyn Clock> = ManualClock::seeded(plan.seed);
        let (cluster, servers) = Cluster::with_servers(Arc::clone(&clock), plan.servers);
        let mut random = SmallRng::seed_from_u64(plan.seed);
        let table = TableName::new("shop", "orders");
        let rows = (0..KEYS).filter(|_| random.random_ratio(2, 3)).map(|key| (key, key));
        cluster.create_table(&servers[0], &table, rows);
        if plan.change == Change::SeeminglyInstant {
            cluster.make_rigid(&servers[0], &table);
        }
        let scheduler = MemoryScheduler::new(&cluster);
        scheduler.install(&servers[0]).await?;
        MemoryCheckpoints::new(&cluster).install(&servers[0]).await?;
        let id = MigrationId::from_random(plan.seed);
        let submission = Submission {
            id: id.clone(),
            statement: plan.change.statement().to_owned(),
            schema: table.schema.clone(),
            table: table.table.clone(),
            options: Options {
                postpone_completion: plan.postponed,
                chunk_rows: Some(plan.chunk_rows),
                lanes: plan.lanes,
                ..Options::default()
            },
            components: Vec::new(),
        };
        scheduler.submit(&servers[0], &submission).await?;
        cluster.replicate_all();
        cluster.set_reply_loss(plan.reply_loss);
        cluster.set_late_effects(plan.late_effects);
        cluster.set_proxied(plan.proxied);
        cluster.set_latency(plan.latency);
        if keep_journal {
            cluster.keep_journal();
        }
        let world = Arc::new(Self {
            plan: plan.clone(),
            primary: Mutex::new(servers[0].clone()),
            agents: Mutex::default(),
            over: AtomicBool::new(false),
            violation: Mutex::default(),
            expected_until: Mutex::default(),
            cluster,
            clock,
            servers,
            scheduler,
            table,
            id,
        });
        for number in 0..plan.agents {
            world.lock_agents().push(AgentLife {
                name: format!("agent-{number}"),
                handle: world.cluster.client(),
                task: None,
            });
            world.start_agent(number);
        }
        Ok(world)
    }

    pub(crate) fn primary(&self) -> Server {
        self.primary.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_primary(&self, server: &Server) {
        *self.primary.lock().unwrap_or_else(PoisonError::into_inner) = server.clone();
    }

    /// A server that is not the primary.
    pub(crate) fn replica(&self, number: usize) -> Server {
        let primary = self.primary();
        let replicas: Vec<&Server> = self.servers.iter().filter(|server| **server != primary).collect();
        replicas[number % replicas.len()].clone()
    }

    pub(crate) async fn pause(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    pub(crate) fn expect_until(&self, time: Duration) {
        let mut until = self.expected_until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = time.max(*until);
    }

    pub(crate) fn expected_until(&self) -> Duration {
        *self.expected_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- agents

    /// Begins a new life of an agent, if it is dead.
    pub(crate) fn start_agent(&self, number: usize) {
        let mut agents = self.lock_agents();
        let at = number % agents.len();
        let life = &mut agents[at];
        if life.task.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let cluster = self.cluster.client();
        life.handle = Arc::clone(&cluster);
        let checkpoints: Arc<dyn CheckpointStore> = Arc::new(MemoryCheckpoints::new(&cluster));
        let parts = Parts {
            topology: Arc::new(MemoryTopology::new(&cluster)),
            services: Services {
                stream: Arc::new(MemoryStream::new(&cluster, Arc::clone(&checkpoints))),
                scheduler: Arc::new(MemoryScheduler::new(&cluster)),
                gauge: Arc::new(MemoryGauge::new(&self.clock, self.plan.seed)),
                clock: Arc::clone(&self.clock),
                settings: self.settings(),
            },
            checkpoints,
            policies: Policies::native_defaults(),
            loader: Arc::new(NativePolicies),
        };
        let agent = Agent::new(parts, AgentId::new(life.name.clone()));
        life.task = Some(tokio::spawn(async move {
            agent.run(CancellationToken::new()).await;
        }));
    }

    /// Half of the plans have several appliers for the few keys that there are.
    fn settings(&self) -> Settings {
        let defaults = Settings::default();
        match self.plan.seed.is_multiple_of(2) {
            true => defaults,
            false => Settings {
                appliers: 3,
                keys_per_applier: 1,
                max_keys_to_drain: 1,
                ..defaults
            },
        }
    }

    /// Ends an agent's life wherever it is. Its handle goes with it.
    pub(crate) fn kill_agent(&self, number: usize) {
        let mut agents = self.lock_agents();
        let at = number % agents.len();
        if let Some(task) = agents[at].task.take() {
            task.abort();
        }
    }

    /// The cluster as an agent sees it.
    pub(crate) fn handle_of(&self, number: usize) -> Arc<Cluster> {
        let agents = self.lock_agents();
        Arc::clone(&agents[number % agents.len()].handle)
    }

    pub(crate) fn number_of_agents(&self) -> usize {
        self.lock_agents().len()
    }

    fn lock_agents(&self) -> MutexGuard<'_, Vec<AgentLife>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- application and replication

    /// The application writes, and replicas follow, all the time until told to stop.
    pub(crate) async fn environment(self: Arc<Self>) {
        let mut random = SmallRng::seed_from_u64(self.plan.seed + 1);
        let mut value = 100;
        let mut patience = SHORT;
        while !self.over.load(Ordering::Relaxed) {
            let next = self.cluster.steps() + random.random_range(1..=self.plan.pace);
            tokio::select! {
                biased;
                () = self.cluster.step(next) => patience = SHORT,
                () = self.clock.sleep(patience) => patience = LONG.min(patience * 2),
            }
            match random.random_range(0..10) {
                0..4 => self.write(&mut random, &mut value),
                4 => self.end_xa(&mut random),
                5..7 => self.cluster.settle_one(&self.primary()),
                _ => self.replicate(&mut random),
            }
        }
    }

    pub(crate) fn stop_environment(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// One transaction. What it may not write because of a lock, or because there is no primary, it does not write.
    fn write(&self, random: &mut SmallRng, value: &mut u64) {
        let primary = self.primary();
        if self.plan.change == Change::Unique && random.random_bool(0.6) {
            self.move_values(&primary, random);
            return;
        }
        let rows: Vec<(u64, Option<u64>)> = (0..random.random_range(1..=3))
            .map(|_| {
                *value += 1;
                let written = (!random.random_ratio(1, 3)).then_some(*value);
                (random.random_range(0..KEYS), written)
            })
            .collect();
        let _ = if random.random_ratio(self.plan.xa, 100) {
            let xid = Xid(format!("xa-{value}").into_bytes());
            self.cluster.xa_prepare(&primary, &xid, &self.table, &rows)
        } else if random.random_bool(0.3) {
            self.cluster.write(&primary, &self.table, &rows)
        } else {
            self.cluster.flush(&primary, &self.table, &rows)
        };
    }

    /// Values change places between rows, or are for a moment in two of them.
    fn move_values(&self, primary: &Server, random: &mut SmallRng) {
        self.cluster.settle(primary);
        if !self.cluster.xa_recover(primary).is_empty() {
            // Its locks would let one of two transactions pass, and not the other.
            return;
        }
        let rows: BTreeMap<u64, u64> = self.cluster.rows(primary, &self.table).unwrap_or_default();
        let rows: Vec<(u64, u64)> = rows.into_iter().collect();
        let (Some(&(from, value)), Some(&(other, other_value))) = (rows.choose(random), rows.choose(random)) else {
            return;
        };
        let to = random.random_range(0..KEYS);
        let swap = [(from, Some(other_value)), (other, Some(value))];
        let shift = [(from, None), (to, Some(value))];
        let _ = match random.random_range(0..3) {
            _ if from == other || from == to => return,
            0 => self.cluster.flush(primary, &self.table, &swap),
            1 => self.cluster.flush(primary, &self.table, &shift),
            _ => self
                .cluster
                .flush(primary, &self.table, &shift[1..])
                .and_then(|_| self.cluster.flush(primary, &self.table, &shift[..1])),
        };
    }

    fn end_xa(&self, random: &mut SmallRng) {
        let primary = self.primary();
        if let Some(xid) = self.cluster.xa_recover(&primary).choose(random) {
            // Fails where there is no primary.
            let _ = match random.random_ratio(2, 3) {
                true => self.cluster.xa_commit(&primary, xid),
                false => self.cluster.xa_rollback(&primary, xid),
            };
        }
    }

    fn replicate(&self, random: &mut SmallRng) {
        let primary = self.primary();
        if let Some(server) = self.servers.choose(random) {
            if !self.plan.lagging && self.cluster.follows(server, &primary) {
                self.cluster.receive(&primary, server, random.random_range(0..16));
            }
            // Also on a server that was made writable with a rest of its relay log.
            self.cluster.apply_relay(server, random.random_range(0..16));
            if random.random_ratio(1, 4) {
                self.check(server);
            }
        }
    }

    // ---- checks

    /// Checks what must hold on a server at any time, if all servers keep the commit order.
    pub(crate) fn check(&self, server: &Server) {
        let any_order = |(_, act): &(Moment, Act)| matches!(act, Act::AnyOrder { .. });
        if !self.plan.acts.iter().any(any_order)
            && let Err(violation) = self.cluster.check(server)
        {
            self.violate(violation);
        }
    }

    pub(crate) fn violate(&self, violation: String) {
        self.cluster.tell(|| format!("VIOLATION: {violation}"));
        let mut first = self.violation.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(violation);
    }

    pub(crate) fn violation(&self) -> Option<String> {
        self.violation.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    // ---- the user

    /// Asks something of the migration, on a primary that has executed its relay log; asked again if the server is gone.
    pub(crate) async fn request(&self, request: Request) {
        for _ in 0..20 {
            if self.cluster.relay_len(&self.primary()) > 0 {
                self.pause(Duration::from_millis(200)).await;
                continue;
            }
            match self.scheduler.request(&self.primary(), &self.id, request).await {
                Err(error) if error.kind() == ErrorKind::ServerGone || error.kind() == ErrorKind::NotPrimary => {
                    self.pause(Duration::from_millis(200)).await;
                }
                // Whatever the answer: it fits the migration, or it does not any more.
                _ => return,
            }
        }
    }
}

//! One server in memory, and a migration on it.

// Each test uses a part of it.
#![allow(dead_code)]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use outlast_core::{
    Agent, AgentId, CheckpointStore, Clock, Migration, MigrationId, Scheduler, Server,
    agent::{NativePolicies, Parts, Stopped},
    engine::{Services, Settings},
    ledger::Xid,
    memory::{Cluster, ManualClock, MemoryCheckpoints, MemoryScheduler, MemoryStream, MemoryTopology, TableName},
    policy::Policies,
    scheduler::{Options, Request, Submission},
    throttle::{AtEase, Gauge},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A server with a table, and a migration of it that is postponed.
pub(crate) struct Stage {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) primary: Server,
    pub(crate) scheduler: Arc<MemoryScheduler>,
    pub(crate) table: TableName,
    pub(crate) id: MigrationId,
    /// What agents measure the load with.
    pub(crate) gauge: Arc<dyn Gauge>,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let clock: Arc<dyn Clock> = ManualClock::seeded(1);
        let (cluster, servers) = Cluster::with_servers(Arc::clone(&clock), 1);
        let (primary, scheduler) = (servers[0].clone(), Arc::new(MemoryScheduler::new(&cluster)));
        let table = TableName::new("shop", "orders");
        cluster.create_table(&primary, &table, [(1, 1), (2, 2)]);
        scheduler.install(&primary).await.unwrap();
        MemoryCheckpoints::new(&cluster).install(&primary).await.unwrap();
        let submission = Submission {
            id: MigrationId::from_random(1),
            statement: "ALTER TABLE shop.orders ADD COLUMN note INT".to_owned(),
            schema: table.schema.clone(),
            table: table.table.clone(),
            options: Options {
                postpone_completion: true,
                ..Options::default()
            },
            components: Vec::new(),
        };
        scheduler.submit(&primary, &submission).await.unwrap();
        Self {
            clock,
            cluster,
            primary,
            scheduler,
            table,
            id: submission.id,
            gauge: Arc::new(AtEase),
        }
    }

    /// An agent for the migration alone.
    pub(crate) fn agent(&self, clock: Arc<dyn Clock>, settings: Settings) -> Agent {
        let checkpoints: Arc<dyn CheckpointStore> = Arc::new(MemoryCheckpoints::new(&self.cluster));
        let parts = Parts {
            topology: Arc::new(MemoryTopology::new(&self.cluster)),
            services: Services {
                stream: Arc::new(MemoryStream::new(&self.cluster, Arc::clone(&checkpoints))),
                scheduler: Arc::clone(&self.scheduler) as Arc<dyn Scheduler>,
                gauge: Arc::clone(&self.gauge),
                clock,
                settings,
            },
            checkpoints,
            policies: Policies::native_defaults(),
            loader: Arc::new(NativePolicies),
        };
        Agent::new(parts, AgentId::new("a")).only(self.id.clone())
    }

    /// An agent that works in the background.
    pub(crate) fn start_agent(&self) -> JoinHandle<Stopped> {
        self.start_agent_with(Settings::default())
    }

    pub(crate) fn start_agent_with(&self, settings: Settings) -> JoinHandle<Stopped> {
        let agent = self.agent(Arc::clone(&self.clock), settings);
        tokio::spawn(async move { agent.run(CancellationToken::new()).await })
    }

    pub(crate) async fn migration(&self) -> Migration {
        self.scheduler.get(&self.primary, &self.id).await.unwrap()
    }

    pub(crate) async fn until(&self, condition: impl Fn(&Migration) -> bool) -> Migration {
        let begun = self.clock.now();
        loop {
            let migration = self.migration().await;
            if condition(&migration) {
                return migration;
            }
            assert!(self.clock.now() - begun < Duration::from_secs(300), "{migration:?}");
            self.clock.sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn request(&self, request: Request) {
        self.scheduler.request(&self.primary, &self.id, request).await.unwrap();
    }

    /// The rows of the new table; `None` while there is none.
    pub(crate) async fn shadow(&self) -> Option<BTreeMap<u64, u64>> {
        let schema = self.migration().await.shadow_schema();
        let shadow = TableName::new(schema, &*self.table.table);
        self.cluster.rows(&self.primary, &shadow)
    }

    pub(crate) fn prepare_xa(&self, xid: &Xid) {
        let rows = [(1, Some(10))];
        self.cluster.xa_prepare(&self.primary, xid, &self.table, &rows).unwrap();
    }
}

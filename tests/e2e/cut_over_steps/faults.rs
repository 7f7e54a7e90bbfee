//! What happens to migrations that are at their points, and what must be true afterwards.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use mysql_async::prelude::Queryable;
use outlast_mysql::failpoints::Point;
use outlast_testbed::{Cluster, RelayLog, Topology, eventually};
use tokio::process::Child;

use super::{
    PATIENCE,
    case::Case,
    points::{Way, is_locked},
};
use crate::outlast;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process ends as by kill -9; another one takes over.
    AgentDies,
    /// The primary is killed, and another server promoted.
    PrimaryDies,
    /// Another server becomes primary as planned.
    Switchover,
    /// The connection is lost, and with it the reply, if there was to be one.
    LostReply,
}

impl Fault {
    /// Whether a migration is held at its point until all are at theirs.
    pub(crate) fn holds(self) -> bool {
        matches!(self, Self::PrimaryDies | Self::Switchover)
    }

    fn action(self) -> Option<&'static str> {
        match self {
            Self::AgentDies => Some("die"),
            Self::LostReply => Some("lose-reply"),
            Self::PrimaryDies | Self::Switchover => None,
        }
    }
}

/// Three servers, of which any acknowledged write is on two.
pub(crate) struct Stage {
    fault: Fault,
    cluster: Cluster,
    logs: PathBuf,
    played: usize,
    /// A primary that was killed.
    fallen: Option<usize>,
    /// What must have been executed exactly once, by the case's name.
    decisive: BTreeMap<String, String>,
    /// Schemas that stay: those of retired tables.
    kept: Vec<String>,
}

impl Stage {
    pub(crate) async fn set(name: &str, fault: Fault) -> Result<Self> {
        let logs = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../target/e2e")
            .join(name);
        std::fs::create_dir_all(&logs)?;
        Ok(Self {
            fault,
            // What a killed server has written outlives it, synced or not: the machine goes on.
            cluster: Cluster::builder(Topology::SemiSync { nodes: 3 })
                .argument("--sync-binlog=0")
                .argument("--innodb-flush-log-at-trx-commit=2")
                .start()
                .await?,
            logs: logs.canonicalize()?,
            played: 0,
            fallen: None,
            decisive: BTreeMap::new(),
            kept: Vec::new(),
        })
    }

    /// Brings a migration to each of the points, lets the fault happen, and sees how all of them end. Returns the points that were
    /// not held any more when it happened.
    pub(crate) async fn play(&mut self, points: &[(Way, Point)]) -> Result<Vec<(Way, Point)>> {
        let begun = std::time::Instant::now();
        let (_, mut cases) = tokio::try_join!(self.rejoin(), self.begin(points))?;
        self.fallen = None;
        self.played += points.len();
        try_join_all(cases.iter().map(|case| case.prime(&self.cluster))).await?;
        for case in &cases {
            case.pass_barrier(self.fault.holds())?;
        }
        let (_successor, late) = self.strike(&mut cases).await?;
        match self.fault {
            Fault::AgentDies => self.wait_until_all_have_ended(&cases).await?,
            _ => try_join_all(cases.iter_mut().map(Case::wait_until_ended))
                .await
                .map(drop)?,
        }
        for case in &mut cases {
            case.expect_right(&self.cluster).await?;
            self.decisive.insert(case.name.clone(), case.decisive_statement());
            if case.way == Way::Copy {
                self.kept.push(format!("_outlast_old_{}", case.id));
            }
        }
        self.expect_nothing_left().await?;
        let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        println!(
            "{:?} in {:.1} s, {} to be played again: {}",
            self.fault,
            begun.elapsed().as_secs_f64(),
            late.len(),
            names.join(", ")
        );
        Ok(late)
    }

    async fn begin(&self, points: &[(Way, Point)]) -> Result<Vec<Case>> {
        let action = self.fault.action();
        let begun = points
            .iter()
            .enumerate()
            .map(|(n, at)| Case::begin(&self.cluster, &self.logs, self.played + n, *at, action));
        try_join_all(begun).await
    }

    /// The fault. Returns who goes on if the agents are dead, and for whom it came too late.
    async fn strike(&mut self, cases: &mut [Case]) -> Result<(Option<Child>, Vec<(Way, Point)>)> {
        let mut late = Vec::new();
        match self.fault {
            Fault::LostReply => {}
            Fault::AgentDies => {
                try_join_all(cases.iter_mut().map(Case::wait_until_dead)).await?;
                let log = self.logs.join(format!("successor-{}.log", self.played));
                let extra = ["--liveness-interval", "300ms"];
                let successor = outlast::agent(&self.cluster.addresses(), "successor", log, &extra)?;
                return Ok((Some(successor), late));
            }
            Fault::PrimaryDies => {
                late = wait_until_all_are_held(cases).await?;
                let old = self.cluster.primary_index();
                self.cluster.primary().kill9();
                for case in cases.iter() {
                    case.let_go()?;
                }
                let next = self.cluster.best_candidate().await?;
                self.cluster.promote(next, RelayLog::AppliedFirst).await?;
                self.fallen = Some(old);
            }
            Fault::Switchover => {
                late = wait_until_all_are_held(cases).await?;
                let next = self.cluster.best_candidate().await?;
                let switchover = async { self.cluster.switchover(next).await.context("the switchover") };
                let let_go = async {
                    self.wait_for_switchover_to_begin().await?;
                    cases.iter().try_for_each(Case::let_go)
                };
                tokio::try_join!(switchover, let_go)?;
            }
        }
        Ok((None, late))
    }

    async fn wait_until_all_have_ended(&self, cases: &[Case]) -> Result<()> {
        let ids: Vec<String> = cases.iter().map(|case| format!("'{}'", case.id)).collect();
        let sql = format!(
            "SELECT CONCAT(id, ' is ', status, ': ', message) FROM _outlast.migrations \
             WHERE id IN ({}) AND status IN ('queued', 'running')",
            ids.join(", ")
        );
        let conn = tokio::sync::Mutex::new(self.cluster.primary().connect().await?);
        eventually("all migrations end", PATIENCE, || async {
            let unfinished: Vec<String> = conn.lock().await.query(&sql).await?;
            ensure!(unfinished.is_empty(), "{unfinished:?}; logs in {}", self.logs.display());
            Ok(())
        })
        .await
    }

    /// A server does not become read-only as long as tables are locked; but then it has been asked to.
    async fn wait_for_switchover_to_begin(&self) -> Result<()> {
        let old = self.cluster.primary_index();
        let sql = "SELECT (SELECT COUNT(*) FROM performance_schema.processlist WHERE INFO LIKE 'SET GLOBAL super_read_only%') \
                   + @@GLOBAL.super_read_only";
        eventually("the switchover has begun", PATIENCE, || async {
            let begun: u64 = self.cluster.node(old).query_one(sql).await?;
            ensure!(begun > 0, "not yet");
            Ok(())
        })
        .await
    }

    /// Makes a killed primary a replica.
    async fn rejoin(&self) -> Result<()> {
        let Some(fallen) = self.fallen else {
            return Ok(());
        };
        if !self.cluster.rejoin(fallen).await?.is_clean() {
            // It had committed what nobody had received, and nobody had been told of.
            ensure!(
                self.cluster.rebuild(fallen).await?.is_clean(),
                "a rebuilt server has transactions of its own"
            );
        }
        Ok(())
    }

    /// Nobody holds locks, no schema is there that was meant to go, and the others follow.
    async fn expect_nothing_left(&self) -> Result<()> {
        let locks = "SELECT CONCAT(l.LOCK_TYPE, ' on ', l.OBJECT_SCHEMA, '.', l.OBJECT_NAME) \
                     FROM performance_schema.metadata_locks l JOIN performance_schema.threads t ON t.THREAD_ID = l.OWNER_THREAD_ID \
                     WHERE t.PROCESSLIST_USER = 'outlast' AND l.OBJECT_TYPE = 'TABLE' \
                     AND l.LOCK_TYPE IN ('SHARED_NO_READ_WRITE', 'SHARED_READ_ONLY', 'SHARED_NO_WRITE', 'EXCLUSIVE')";
        let running = || self.cluster.nodes().iter().filter(|node| node.is_running());
        for node in running() {
            let locks: Vec<String> = node.query(locks).await?;
            ensure!(locks.is_empty(), "locks are left on node {}: {locks:?}", node.index());
        }
        let schemas: Vec<String> = self
            .cluster
            .primary()
            .query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '\\_outlast\\_%'")
            .await?;
        let unexpected: Vec<&String> = schemas.iter().filter(|schema| !self.kept.contains(schema)).collect();
        ensure!(unexpected.is_empty(), "schemas are left: {unexpected:?}");
        ensure!(schemas.len() == self.kept.len(), "retired tables are gone: {schemas:?}");
        for node in running().filter(|node| node.index() != self.cluster.primary_index()) {
            self.cluster.wait_for_catch_up(node.index(), PATIENCE).await?;
        }
        Ok(())
    }

    /// By the binlog of the last primary, which has them all, each table was swapped or altered exactly once.
    pub(crate) async fn end(&self) -> Result<()> {
        let mut conn = self.cluster.primary().connect().await?;
        let logs: Vec<mysql_async::Row> = conn.query("SHOW BINARY LOGS").await?;
        let mut statements: Vec<String> = Vec::new();
        for log in logs {
            let name: String = log.get(0).context("a binlog without a name")?;
            let events: Vec<mysql_async::Row> = conn.query(format!("SHOW BINLOG EVENTS IN '{name}'")).await?;
            let texts = events
                .iter()
                .filter(|event| event.get::<String, _>(2).is_some_and(|kind| kind == "Query"));
            statements.extend(texts.filter_map(|event| event.get::<String, _>(5)));
        }
        ensure!(!self.decisive.is_empty(), "nothing was played");
        for (case, statement) in &self.decisive {
            let times = statements.iter().filter(|text| text.contains(statement)).count();
            ensure!(times == 1, "{case}: {statement} was executed {times} times");
        }
        println!(
            "{:?}: {} points, each swap exactly once",
            self.fault,
            self.decisive.len()
        );
        Ok(())
    }
}

/// Waits until all have come to their points. Returns those that are not there any more: a server ends the session of an owner that
/// holds locks and says nothing for five seconds.
async fn wait_until_all_are_held(cases: &[Case]) -> Result<Vec<(Way, Point)>> {
    let since = try_join_all(cases.iter().map(Case::wait_until_held)).await?;
    let is_late = |since: &SystemTime| since.elapsed().is_ok_and(|waited| waited > Duration::from_secs(4));
    let late = cases
        .iter()
        .zip(&since)
        .filter(|(case, since)| is_locked(case.way, case.point) && is_late(since));
    let late: Vec<_> = late.map(|(case, _)| (case.way, case.point)).collect();
    ensure!(
        cases.len() > 1 || late.is_empty(),
        "{} was late for itself",
        cases[0].name
    );
    Ok(late)
}

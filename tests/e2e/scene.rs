//! A cluster with a table, a write load, agents and a migration.

use std::{collections::HashMap, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use outlast_testbed::{
    Cluster, LoadOptions, RelayLog, TableName, Topology, WriteLoad, create_and_fill, eventually, expect_identical,
    native_copy,
};
use serde_json::Value;
use tokio::process::Child;

use crate::{
    outlast,
    timing::{PromotionWatch, record},
};

/// What the migration of a scene does to the table.
pub(crate) const CHANGES: &str = "ADD COLUMN note VARCHAR(40) NOT NULL DEFAULT 'none', MODIFY payload VARCHAR(300), \
                           RENAME COLUMN amount TO total, ADD INDEX total (total)";

/// How long anything may take before the scenario has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A scenario's stage.
pub(crate) struct Scene {
    pub(crate) name: String,
    pub(crate) cluster: Cluster,
    pub(crate) table: TableName,
    pub(crate) load: Option<WriteLoad>,
    pub(crate) id: String,
    servers: Vec<String>,
    agents: HashMap<String, Child>,
    logs: PathBuf,
}

/// How a scene begins.
pub(crate) struct Setup {
    pub(crate) topology: Topology,
    pub(crate) rows: u64,
    /// Arguments of `outlast submit` besides the statement; all scenes postpone their completion.
    pub(crate) submit: Vec<String>,
    pub(crate) agents: usize,
    pub(crate) transactions_per_second: f64,
    /// Server arguments.
    pub(crate) mysqld: Vec<String>,
    /// Arguments of `outlast agent`.
    pub(crate) agent: Vec<String>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            topology: Topology::AsyncGtid { nodes: 3 },
            rows: 20_000,
            submit: ["--chunk-rows", "200", "--chunk-pause", "50ms"].map(str::to_owned).to_vec(),
            agents: 1,
            transactions_per_second: 100.0,
            mysqld: Vec::new(),
            agent: Vec::new(),
        }
    }
}

impl Setup {
    /// Adds arguments of `outlast submit`.
    pub(crate) fn submit(mut self, arguments: &[&str]) -> Self {
        self.submit.extend(arguments.iter().map(|a| (*a).to_owned()));
        self
    }
}

impl Scene {
    /// A cluster with a filled table under load; no agent and no migration yet.
    pub(crate) async fn stage(name: &str, setup: &Setup) -> Result<Self> {
        let mut builder = Cluster::builder(setup.topology);
        for argument in &setup.mysqld {
            builder = builder.argument(argument.clone());
        }
        let cluster = builder.start().await?;
        let table = TableName::new("test", "customers");
        create_and_fill(&mut cluster.primary().connect().await?, &table, setup.rows).await?;
        let options = LoadOptions {
            transactions_per_second: Some(setup.transactions_per_second),
            ..LoadOptions::default()
        };
        let load = WriteLoad::start(cluster.primary_watch(), &table, options).await?;
        let logs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/e2e").join(name);
        std::fs::create_dir_all(&logs)?;
        Ok(Self {
            name: name.to_owned(),
            servers: cluster.addresses(),
            cluster,
            table,
            load: Some(load),
            id: String::new(),
            agents: HashMap::new(),
            logs,
        })
    }

    /// As [`Scene::stage`], with agents and a submitted migration.
    pub(crate) async fn start(name: &str, setup: Setup) -> Result<Self> {
        let mut scene = Self::stage(name, &setup).await?;
        let extra: Vec<&str> = setup.agent.iter().map(String::as_str).collect();
        for i in 0..setup.agents {
            scene.start_agent(&format!("agent-{i}"), &extra)?;
        }
        let submit: Vec<&str> = setup.submit.iter().map(String::as_str).collect();
        scene.submit(&submit).await?;
        Ok(scene)
    }

    /// Reaches the servers through other addresses than their own (a proxy).
    pub(crate) fn reach_through(&mut self, servers: Vec<String>) {
        self.servers = servers;
    }

    /// The addresses that agents and commands are given.
    pub(crate) fn servers(&self) -> &[String] {
        &self.servers
    }

    /// Submits the migration, postponed.
    pub(crate) async fn submit(&mut self, extra: &[&str]) -> Result<()> {
        let statement = format!("ALTER TABLE test.customers {CHANGES}");
        let mut arguments = vec!["submit", statement.as_str(), "--postpone-completion", "--format", "json"];
        arguments.extend(extra);
        let submitted = outlast::json(&self.servers, &arguments).await?;
        self.id = submitted["migration"].as_str().context("no migration id")?.to_owned();
        Ok(())
    }

    /// Starts an agent.
    pub(crate) fn start_agent(&mut self, name: &str, extra: &[&str]) -> Result<()> {
        let log = self.logs.join(format!("{name}.log"));
        let agent = outlast::agent(&self.servers, name, log, extra)?;
        self.agents.insert(name.to_owned(), agent);
        Ok(())
    }

    /// Ends an agent as `kill -9` does.
    pub(crate) async fn kill_agent(&mut self, name: &str) -> Result<()> {
        let mut agent = self.agents.remove(name).context("no such agent")?;
        agent.kill().await.context("killing an agent")
    }

    /// The agent's process id, for signals.
    pub(crate) fn agent_process(&self, name: &str) -> Result<u32> {
        self.agents.get(name).and_then(Child::id).context("no such agent")
    }

    /// `outlast status`.
    pub(crate) async fn status(&self) -> Result<Value> {
        outlast::json(&self.servers, &["status", &self.id, "--format", "json"]).await
    }

    /// Waits until the status is such.
    pub(crate) async fn wait_for(&self, what: &str, condition: impl Fn(&Value) -> bool) -> Result<Value> {
        let waited = eventually(what, PATIENCE, || async {
            let status = self.status().await?;
            ensure!(condition(&status), "{status}");
            Ok(status)
        });
        waited.await.with_context(|| format!("scenario {}, logs in {}", self.name, self.logs.display()))
    }

    /// Waits until the migration is in a phase.
    pub(crate) async fn wait_for_phase(&self, phase: &str) -> Result<Value> {
        self.wait_for(&format!("phase {phase}"), |s| s["phase"] == phase && s["status"] == "running").await
    }

    /// Waits until chunks are being copied, and that a part of the rows is.
    pub(crate) async fn wait_for_mid_copy(&self) -> Result<()> {
        let sql = format!("SELECT COUNT(*) FROM _outlast.copied_ranges WHERE migration = '{}'", self.id);
        let waited = eventually("a few copied chunks", PATIENCE, || async {
            let chunks: u64 = self.cluster.primary().query_one(&sql).await?;
            ensure!(chunks >= 5, "{chunks} chunks");
            Ok(())
        });
        waited.await?;
        let status = self.status().await?;
        ensure!(status["phase"] == "copying", "the copy is over already: {status}");
        Ok(())
    }

    /// The events of a kind, as (milliseconds since 1970, epoch).
    async fn events(&self, kind: &str) -> Result<Vec<(u64, u64)>> {
        self.cluster
            .primary()
            .query(&format!(
                "SELECT CAST(UNIX_TIMESTAMP(CONVERT_TZ(at, '+00:00', @@session.time_zone)) * 1000 AS UNSIGNED), epoch \
                 FROM _outlast.events WHERE migration = '{}' AND kind = '{kind}' ORDER BY id",
                self.id
            ))
            .await
    }

    /// Does something that makes `to` the primary, waits until rows of the shadow are committed there under a new epoch, and
    /// records how long it took.
    pub(crate) async fn failover<F>(&self, what: &str, to: usize, act: F) -> Result<()>
    where
        F: AsyncFnOnce(&Cluster) -> Result<()>,
    {
        let watch = PromotionWatch::start(self.cluster.node(to)).await?;
        act(&self.cluster).await?;
        self.measure(what, watch.promoted_at().await?).await
    }

    /// Waits for adoption and first progress after a promotion at `promoted_at`, and records the times.
    pub(crate) async fn measure(&self, what: &str, promoted_at: u64) -> Result<()> {
        let after = |events: Vec<(u64, u64)>| events.into_iter().find(|(at, _)| *at >= promoted_at);
        let (adopted_at, epoch) = eventually("adoption on the new primary", PATIENCE, || async {
            after(self.events("adopted").await?).context("not adopted")
        })
        .await?;
        let (progressed_at, _) = eventually("progress on the new primary", PATIENCE, || async {
            after(self.events("progress").await?).filter(|(_, e)| *e >= epoch).context("no progress")
        })
        .await?;
        let since = |at: u64| at as i64 - promoted_at as i64;
        record(&self.name, what, since(adopted_at), Some(since(progressed_at)))
    }

    /// A planned switchover.
    pub(crate) async fn switchover(&self, to: usize) -> Result<()> {
        self.failover("switchover", to, async |cluster| cluster.switchover(to).await).await
    }

    /// Kills the primary and promotes another server.
    pub(crate) async fn crash(&self, to: usize, relay_log: RelayLog) -> Result<()> {
        self.failover("kill -9 and promotion", to, async |cluster| {
            cluster.primary().kill9();
            cluster.promote(to, relay_log).await
        })
        .await
    }

    /// Stops the load, completes the migration, and compares the new table with what a native ALTER makes of the source.
    pub(crate) async fn finish(mut self) -> Result<()> {
        self.wait_for_phase("ready").await?;
        let report = self.load.take().context("no load")?.stop().await?;
        let unexplained = report.unexplained_errors();
        ensure!(unexplained.is_empty(), "the application's statements failed: {unexplained:?}");
        let mut conn = self.cluster.primary().connect().await?;
        let expected = TableName::new("test", "expected");
        native_copy(&mut conn, &self.table, &expected, CHANGES).await?;
        outlast::succeed(&self.servers, &["complete", &self.id]).await?;
        let status = self.wait_for("completion", |s| s["status"] != "running").await?;
        if status["status"] != "complete" {
            bail!("the migration ended otherwise: {status}");
        }
        expect_identical(&mut conn, &expected, &self.table).await?;
        if matches!(self.cluster.topology(), Topology::SemiSync { .. }) {
            report.verify_acknowledged(&mut conn).await?.expect_no_loss()?;
        }
        self.check_nothing_is_left().await
    }

    /// No shadow is left, and the retired table is kept.
    async fn check_nothing_is_left(&self) -> Result<()> {
        let schemas: Vec<String> = self
            .cluster
            .primary()
            .query("SELECT TABLE_SCHEMA FROM information_schema.TABLES WHERE TABLE_NAME = 'customers' ORDER BY 1")
            .await?;
        ensure!(
            schemas == [format!("_outlast_old_{}", self.id), "test".to_owned()],
            "these tables are left: {schemas:?}"
        );
        Ok(())
    }
}

//! A cluster with a table, a write load, agents and a migration.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use outlast_testbed::{
    Cluster, LoadOptions, RelayLog, TableName, Topology, WriteLoad, create_and_fill, eventually, expect_identical,
    native_copy,
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    outlast,
    timing::{PromotionWatch, now_ms, record},
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
    /// What the migration does to the table.
    pub(crate) changes: &'static str,
    /// Whether MySQL may make the change without a copy. Most scenes are about copies.
    pub(crate) may_be_instant: bool,
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
    /// What the migration does to the table.
    pub(crate) changes: &'static str,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            topology: Topology::AsyncGtid { nodes: 3 },
            rows: 20_000,
            submit: ["--chunk-rows", "200", "--chunk-pause", "50ms"]
                .map(str::to_owned)
                .to_vec(),
            agents: 1,
            transactions_per_second: 100.0,
            mysqld: Vec::new(),
            agent: Vec::new(),
            changes: CHANGES,
        }
    }
}

impl Setup {
    /// A copy that is over in a moment.
    pub(crate) fn quick_copy() -> Self {
        Self {
            rows: 5_000,
            submit: Vec::new(),
            ..Self::default()
        }
    }

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
        let logs = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../target/e2e")
            .join(name);
        std::fs::create_dir_all(&logs)?;
        Ok(Self {
            name: name.to_owned(),
            changes: setup.changes,
            may_be_instant: false,
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
        let statement = format!("ALTER TABLE test.customers {}", self.changes);
        let mut arguments = vec![
            "submit",
            statement.as_str(),
            "--postpone-completion",
            "--format",
            "json",
        ];
        if !self.may_be_instant {
            arguments.push("--no-instant");
        }
        // Scenarios pause and kill replicas; whether that holds a migration back is a matter of those that are about it.
        if !extra.contains(&"--max-lag") {
            arguments.extend(["--max-lag", "off"]);
        }
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

    /// Tells an agent to stop, and waits until it has.
    pub(crate) async fn stop_agent(&mut self, name: &str) -> Result<()> {
        self.signal_agent(name, "TERM").await?;
        let mut agent = self.agents.remove(name).context("no such agent")?;
        let ended = timeout(PATIENCE, agent.wait()).await;
        ended.context("it does not stop")?.context("waiting for an agent")?;
        Ok(())
    }

    /// The names of the agents that run.
    pub(crate) fn agents(&self) -> Vec<String> {
        self.agents.keys().cloned().collect()
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
        waited.await.with_context(|| self.hint())
    }

    /// Waits until the migration has failed with a message that holds all the words.
    pub(crate) async fn expect_failure(&self, words: &[&str]) -> Result<()> {
        let status = self.wait_for("the failure", |s| s["status"] == "failed").await?;
        let message = status["message"].as_str().unwrap_or_default();
        for word in words {
            ensure!(message.contains(word), "{word:?} is not in the message: {message}");
        }
        Ok(())
    }

    /// Waits until the migration is in a phase.
    pub(crate) async fn wait_for_phase(&self, phase: &str) -> Result<Value> {
        self.wait_for(&format!("phase {phase}"), |s| {
            s["phase"] == phase && s["status"] == "running"
        })
        .await
    }

    /// Waits until chunks are being copied, and much is left to copy.
    pub(crate) async fn wait_for_mid_copy(&self) -> Result<()> {
        self.wait_for_chunks(5).await?;
        let status = self.status().await?;
        ensure!(status["phase"] == "copying", "the copy is over already: {status}");
        Ok(())
    }

    async fn wait_for_chunks(&self, count: u64) -> Result<()> {
        let sql = format!(
            "SELECT COUNT(*) FROM _outlast.copied_ranges WHERE migration = '{}'",
            self.id
        );
        eventually("copied chunks", PATIENCE, || async {
            let chunks: u64 = self.cluster.primary().query_one(&sql).await?;
            ensure!(chunks >= count, "{chunks} chunks");
            Ok(())
        })
        .await
        .with_context(|| self.hint())
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
        let begun = now_ms();
        act(&self.cluster).await?;
        // A server that was made writable earlier counts from the act.
        self.measure(what, watch.promoted_at().await?.max(begun)).await
    }

    /// Waits for adoption and first progress after a promotion, and records the times.
    pub(crate) async fn measure(&self, what: &str, promoted_at: u64) -> Result<()> {
        let (adopted_at, progressed_at) = self.wait_for_progress_after(promoted_at).await?;
        let since = |at: u64| at as i64 - promoted_at as i64;
        record(&self.name, what, since(adopted_at), since(progressed_at))
    }

    /// Waits until the migration is adopted after a moment, and rows of the shadow are committed in that epoch. Returns when.
    pub(crate) async fn wait_for_progress_after(&self, moment: u64) -> Result<(u64, u64)> {
        let after = |events: Vec<(u64, u64)>| events.into_iter().find(|(at, _)| *at >= moment);
        let (adopted_at, epoch) = eventually("adoption", PATIENCE, || async {
            after(self.events("adopted").await?).context("not adopted")
        })
        .await
        .with_context(|| self.hint())?;
        let (progressed_at, _) = eventually("progress", PATIENCE, || async {
            after(self.events("progress").await?)
                .filter(|(_, e)| *e >= epoch)
                .context("no progress")
        })
        .await
        .with_context(|| self.hint())?;
        Ok((adopted_at, progressed_at))
    }

    /// A planned switchover.
    pub(crate) async fn switchover(&self, to: usize) -> Result<()> {
        self.failover("switchover", to, async |cluster| cluster.switchover(to).await)
            .await
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
        self.stop_load().await?;
        self.copy_natively().await?;
        self.ask_to_complete().await?;
        self.expect_complete_and_identical().await
    }

    /// Starts the load again.
    pub(crate) async fn start_load(&mut self) -> Result<()> {
        let options = LoadOptions {
            transactions_per_second: Some(100.0),
            ..LoadOptions::default()
        };
        self.load = Some(WriteLoad::start(self.cluster.primary_watch(), &self.table, options).await?);
        Ok(())
    }

    /// Stops the load. None of its statements may have failed but by the failovers themselves; what was acknowledged under
    /// semi-synchronous replication is there.
    pub(crate) async fn stop_load(&mut self) -> Result<()> {
        let report = self.load.take().context("no load")?.stop().await?;
        let unexplained = report.unexplained_errors();
        ensure!(
            unexplained.is_empty(),
            "the application's statements failed: {unexplained:?}"
        );
        if matches!(self.cluster.topology(), Topology::SemiSync { .. }) {
            let mut conn = self.cluster.primary().connect().await?;
            report.verify_acknowledged(&mut conn).await?.expect_no_loss()?;
        }
        Ok(())
    }

    /// Makes the table that is expected, by MySQL's own ALTER on a copy of the source.
    pub(crate) async fn copy_natively(&self) -> Result<()> {
        let mut conn = self.cluster.primary().connect().await?;
        native_copy(&mut conn, &self.table, &expected(), self.changes).await
    }

    /// `outlast complete`.
    pub(crate) async fn ask_to_complete(&self) -> Result<()> {
        self.command(&["complete"]).await
    }

    /// Completes the migration.
    pub(crate) async fn complete(&self) -> Result<()> {
        self.ask_to_complete().await?;
        self.expect_complete().await
    }

    async fn expect_complete(&self) -> Result<()> {
        let status = self.wait_for("completion", |s| s["status"] != "running").await?;
        ensure!(
            status["status"] == "complete",
            "the migration ended otherwise: {status}"
        );
        Ok(())
    }

    /// Waits for completion, and compares the new table with the expected one.
    pub(crate) async fn expect_complete_and_identical(&self) -> Result<()> {
        self.expect_complete().await?;
        let node = self.cluster.primary();
        let mut conn = node.connect().await?;
        let have: Vec<String> = node.query("SHOW TABLES FROM test LIKE 'expected'").await?;
        if have.is_empty() {
            // It is not logged, so after a failover it is made again, of the retired table.
            let retired = TableName::new(format!("_outlast_old_{}", self.id), "customers");
            native_copy(&mut conn, &retired, &expected(), self.changes).await?;
        }
        expect_identical(&mut conn, &expected(), &self.table)
            .await
            .with_context(|| self.hint())?;
        self.check_nothing_is_left().await
    }

    /// No shadow is left, and the retired table is kept.
    pub(crate) async fn check_nothing_is_left(&self) -> Result<()> {
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

    /// Keeps the migration in phase `following`: thousands of rows are changed again and again, faster than they can be
    /// applied, from the last part of the copy on. Ends with the returned value, or with the server.
    pub(crate) async fn outrun_catch_up(&self) -> Result<AbortOnDropHandle<()>> {
        self.wait_for_chunks(5).await?;
        eventually("most rows are copied", PATIENCE, || async {
            let copied = self.copied_rows().await?;
            ensure!(copied > 14_000, "{copied} rows");
            Ok(())
        })
        .await?;
        let mut conn = self.cluster.primary().connect().await?;
        // A statement that waits for a writer, which waits until no statement runs because the server is to be read-only, would hold
        // up both for the usual 50 s.
        conn.query_drop("SET SESSION innodb_lock_wait_timeout = 2").await?;
        let statement = format!("UPDATE {} SET amount = amount + 1 WHERE id % 3 = 0", self.table);
        let changes = tokio::spawn(async move {
            loop {
                match conn.query_drop(statement.as_str()).await {
                    Err(mysql_async::Error::Server(error)) if error.code == 1205 => {}
                    // The server is read-only or gone.
                    Err(_) => break,
                    Ok(()) => {}
                }
            }
        });
        self.wait_for_phase("following").await?;
        Ok(AbortOnDropHandle::new(changes))
    }

    /// Waits until a replica has executed what the primary has executed now.
    pub(crate) async fn wait_until_replicated(&self, to: usize) -> Result<()> {
        self.cluster.wait_for_catch_up(to, PATIENCE).await
    }

    /// Where the logs of this scene are.
    pub(crate) fn logs(&self) -> &Path {
        &self.logs
    }

    /// Waits until the replica's newest sign of life of the migration is this old: so far it lags behind, at least.
    pub(crate) async fn wait_for_lag(&self, replica: usize, lag: Duration) -> Result<()> {
        let sql = format!(
            "SELECT TIMESTAMPDIFF(MICROSECOND, liveness, UTC_TIMESTAMP(6)) / 1000 FROM _outlast.migrations WHERE id = '{}'",
            self.id
        );
        eventually("the replica to lag", PATIENCE, || async {
            let age: f64 = self.cluster.node(replica).query_one(&sql).await?;
            ensure!(age >= lag.as_millis() as f64, "{age} ms");
            Ok(())
        })
        .await
    }

    /// Waits until the agent's log contains a text.
    pub(crate) async fn wait_for_log_of(&self, agent: &str, text: &str) -> Result<()> {
        let path = self.logs.join(format!("{agent}.log"));
        eventually(&format!("{text:?} in {}", path.display()), PATIENCE, || async {
            ensure!(std::fs::read_to_string(&path)?.contains(text), "it is not there");
            Ok(())
        })
        .await
    }

    /// As [`Scene::wait_for_log_of`], of the first agent.
    pub(crate) async fn wait_for_log(&self, text: &str) -> Result<()> {
        self.wait_for_log_of("agent-0", text).await
    }

    /// Waits until the migration's history holds an event of a kind whose detail contains a text.
    pub(crate) async fn wait_for_event(&self, kind: &str, text: &str) -> Result<()> {
        let sql = format!(
            "SELECT COUNT(*) FROM _outlast.events WHERE migration = '{}' AND kind = '{kind}' AND LOCATE('{text}', detail)",
            self.id
        );
        eventually(&format!("an event {kind} with {text:?}"), PATIENCE, || async {
            let found: u64 = self.cluster.primary().query_one(&sql).await?;
            ensure!(found > 0, "there is none");
            Ok(())
        })
        .await
        .with_context(|| self.hint())
    }

    /// Rows in finished chunks, as the checkpoint counts them.
    pub(crate) async fn copied_rows(&self) -> Result<u64> {
        let id = &self.id;
        self.cluster
            .primary()
            .query_one(&format!(
                "SELECT CAST((SELECT folded_rows FROM _outlast.watermarks WHERE migration = '{id}') + \
                 (SELECT COALESCE(SUM(rows_copied), 0) FROM _outlast.copied_ranges WHERE migration = '{id}') AS UNSIGNED)"
            ))
            .await
    }

    /// `outlast COMMAND ID`.
    pub(crate) async fn command(&self, arguments: &[&str]) -> Result<()> {
        let mut arguments = arguments.to_vec();
        arguments.push(&self.id);
        outlast::succeed(&self.servers, &arguments).await.map(|_| ())
    }

    /// Sends a signal to an agent.
    pub(crate) async fn signal_agent(&self, name: &str, signal: &str) -> Result<()> {
        outlast::signal(
            self.agents.get(name).and_then(Child::id).context("no such agent")?,
            signal,
        )
        .await
    }

    /// Lets the migration be judged by the agent's own policies, in place of those it brought.
    pub(crate) async fn choose_default_policies(&mut self) -> Result<()> {
        self.kill_agent("agent-0").await?;
        self.cluster
            .primary()
            .execute(&format!(
                "UPDATE _outlast.migrations SET options = JSON_SET(options, '$.policies.adoption', NULL) WHERE id = '{}'",
                self.id
            ))
            .await?;
        self.start_agent("agent-0", &[])
    }

    /// `outlast run` in the foreground, until its migration has an id.
    pub(crate) async fn start_run(&mut self, extra: &[&str]) -> Result<Child> {
        let statement = format!("ALTER TABLE test.customers {}", self.changes);
        let mut arguments = vec!["run", statement.as_str(), "--no-instant", "--format", "json"];
        arguments.extend(["--max-lag", "off"]);
        arguments.extend(extra);
        let mut command = outlast::command(&self.servers, &arguments)?;
        let mut run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(run.stdout.take().context("no stdout")?).lines();
        let first = lines.next_line().await?.context("it printed nothing")?;
        let event: Value = serde_json::from_str(&first)?;
        self.id = event["migration"]
            .as_str()
            .context("the first event has no migration")?
            .to_owned();
        // Somebody has to read on, or the program would wait for room in the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(run)
    }

    /// Ctrl-C; returns the exit code and what was said on stderr.
    pub(crate) async fn interrupt(&self, run: Child) -> Result<(Option<i32>, String)> {
        outlast::signal(run.id().context("it has ended")?, "INT").await?;
        let output = tokio::time::timeout(PATIENCE, run.wait_with_output())
            .await
            .context("it does not end")??;
        Ok((
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ))
    }

    /// `outlast resume` in the background.
    pub(crate) fn start_resume(&mut self) -> Result<()> {
        let id = self.id.clone();
        let mut command = outlast::command(&self.servers, &["resume", &id])?;
        let resumed = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        self.agents.insert("resume".to_owned(), resumed);
        Ok(())
    }

    fn hint(&self) -> String {
        format!("scenario {}, logs in {}", self.name, self.logs.display())
    }
}

fn expected() -> TableName {
    TableName::new("test", "expected")
}

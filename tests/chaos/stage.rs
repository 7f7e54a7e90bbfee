//! A cluster with a table, an application, agents and a migration.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use mysql_async::{
    Conn,
    prelude::{FromRow, Queryable},
};
use outlast_testbed::{Cluster, LoadOptions, LoadReport, Node, TableName, WriteLoad, create_and_fill, eventually};
use outlast_tests::outlast;
use tokio::{
    process::Child,
    task::JoinHandle,
    time::{Instant, timeout},
};

use crate::{
    errands::{Errand, Errands},
    history::History,
    plan::Plan,
    table::{MORE_COLUMNS, fill_more},
};

/// How long anything may take before the round is given up. The machine may be busy with other rounds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// How long the primary has for an answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// An agent, running or not.
pub(crate) struct Agent {
    pub(crate) name: String,
    child: Option<Child>,
    /// A failpoint for its first life.
    failpoint: Option<String>,
    /// That kills it.
    may_die: bool,
    starts: usize,
    /// Sends it SIGCONT when its time has come.
    thaw: Option<JoinHandle<Result<()>>>,
}

/// What is known of the migration.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) status: String,
    pub(crate) phase: String,
    pub(crate) message: String,
    pub(crate) failovers: u64,
    pub(crate) complete_requested: bool,
    pub(crate) owner: Option<String>,
    pub(crate) path: Option<String>,
}

type StateRow = (String, String, String, u64, bool, Option<String>, Option<String>);

impl From<StateRow> for State {
    fn from((status, phase, message, failovers, complete_requested, owner, path): StateRow) -> Self {
        Self {
            status,
            phase,
            message,
            failovers,
            complete_requested,
            owner,
            path,
        }
    }
}

impl State {
    pub(crate) fn has_ended(&self) -> bool {
        !["queued", "running"].contains(&self.status.as_str())
    }

    /// Whether the shadow or the intent of a change in place is being worked on.
    pub(crate) fn is_in_flight(&self) -> bool {
        self.status == "running"
    }
}

/// All that a round works with.
pub(crate) struct Stage {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) table: TableName,
    pub(crate) load: Option<WriteLoad>,
    errand: Option<Errand>,
    /// How the application's errands went, once they are over.
    pub(crate) errands: Errands,
    /// What the application met; a promotion that may lose acknowledged writes begins another chapter.
    pub(crate) chapters: Vec<LoadReport>,
    pub(crate) id: String,
    pub(crate) agents: Vec<Agent>,
    /// Servers are down or don't replicate, and nobody has mended that yet.
    pub(crate) is_hurt: bool,
    /// What binlogs said that are purged by now.
    purged: Mutex<History>,
    /// Deaths of agents at failpoints.
    pub(crate) deaths: u64,
    /// What is undone while other things happen.
    undone: Vec<JoinHandle<Result<()>>>,
    pub(crate) directory: PathBuf,
    /// `SHOW CREATE TABLE` before the migration.
    pub(crate) definition: String,
    rows: u64,
    /// Whether the application has distributed transactions.
    pub(crate) is_distributed: bool,
    rate: f64,
    load_seed: u64,
    begun: Instant,
    journal: Mutex<File>,
    /// A connection to a server, and which.
    eye: tokio::sync::Mutex<Option<(usize, Conn)>>,
}

impl Stage {
    /// Starts the cluster, fills the table, and lets the application write.
    pub(crate) async fn set(plan: &Plan, directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
        let journal = File::create(directory.join("round.log")).context("creating the journal")?;
        let begun = Instant::now();
        let mut builder = Cluster::builder(plan.topology).wired();
        if let Some(disk) = plan.small_disk {
            builder = builder.small_disk(disk);
        }
        // No machine crashes here, only processes: what the system has been given is not lost.
        // And many servers run at a time.
        for argument in [
            "--sync-binlog=0",
            "--innodb-flush-log-at-trx-commit=2",
            "--max-connections=150",
            "--table-open-cache=400",
            "--innodb-buffer-pool-size=64M",
        ] {
            builder = builder.argument(argument);
        }
        let cluster = builder.start().await?;
        let table = TableName::new("test", "customers");
        let mut conn = cluster.primary().connect().await?;
        create_and_fill(&mut conn, &table, plan.rows).await?;
        conn.query_drop(format!("ALTER TABLE {table} {MORE_COLUMNS}, FORCE"))
            .await?;
        conn.query_drop(fill_more(plan.rows))
            .await
            .context("filling more columns")?;
        let definition = definition(&mut conn, &table).await?;
        drop(conn);
        let mut stage = Self {
            cluster: Arc::new(cluster),
            table,
            load: None,
            errand: None,
            errands: Errands::default(),
            chapters: Vec::new(),
            id: String::new(),
            agents: Vec::new(),
            is_hurt: false,
            purged: Mutex::default(),
            deaths: 0,
            undone: Vec::new(),
            directory: directory.to_owned(),
            definition,
            rows: plan.rows,
            is_distributed: plan.is_distributed,
            rate: plan.transactions_per_second,
            load_seed: plan.seed.wrapping_add(plan.number),
            begun,
            journal: Mutex::new(journal),
            eye: tokio::sync::Mutex::default(),
        };
        stage.note(&format!("{plan}; {plan:?}"));
        stage.start_load().await?;
        stage.start_errands();
        for number in 0..plan.agents {
            stage.agents.push(Agent {
                name: format!("agent-{number}"),
                failpoint: plan.failpoints[number].clone(),
                may_die: plan.failpoints[number]
                    .as_ref()
                    .is_some_and(|rule| rule.contains("=die")),
                child: None,
                starts: 0,
                thaw: None,
            });
            stage.start_agent(number)?;
        }
        Ok(stage)
    }

    /// Writes a line into the round's journal.
    pub(crate) fn note(&self, text: &str) {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        // A journal that can't be written is missed only by people.
        let _ = writeln!(journal, "{:8.3} {text}", self.begun.elapsed().as_secs_f64());
    }

    /// Keeps what the binlog said, before that is purged.
    pub(crate) fn remember_history(&self, history: History) {
        *self.purged.lock().unwrap_or_else(PoisonError::into_inner) = history;
    }

    /// What was kept of it.
    pub(crate) fn remembered_history(&self) -> History {
        self.purged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The addresses that commands are given. Agents are given those of proxies.
    pub(crate) fn servers(&self) -> Vec<String> {
        self.cluster.addresses()
    }

    /// Lets the application write, to whichever server is the primary.
    pub(crate) async fn start_load(&mut self) -> Result<()> {
        self.load_seed = self.load_seed.wrapping_add(1);
        let options = LoadOptions {
            transactions_per_second: Some(self.rate),
            seed: self.load_seed,
            ..LoadOptions::default()
        };
        self.load = Some(WriteLoad::start(self.cluster.primary_watch(), &self.table, options).await?);
        Ok(())
    }

    /// Ends the application, and remembers what it met.
    pub(crate) async fn stop_load(&mut self) -> Result<()> {
        if let Some(load) = self.load.take() {
            self.chapters.push(load.stop().await?);
        }
        Ok(())
    }

    /// Lets the application run its errands.
    pub(crate) fn start_errands(&mut self) {
        let primary = self.cluster.primary_watch();
        self.errand = Some(Errand::start(primary, self.rows, self.load_seed, self.is_distributed));
    }

    /// Ends the application's errands.
    pub(crate) async fn stop_errands(&mut self) -> Result<()> {
        if let Some(errand) = self.errand.take() {
            self.errands.add(errand.stop(PATIENCE).await?);
            self.note(&format!("{:?}", self.errands));
        }
        Ok(())
    }

    /// After a promotion that may have lost acknowledged writes: the application looks at everything anew.
    pub(crate) async fn begin_new_chapter(&mut self) -> Result<()> {
        self.stop_load().await?;
        self.start_load().await
    }

    /// Submits the migration, and waits until all replicas know of it: one that was lost with its primary is no migration.
    pub(crate) async fn submit(&mut self, plan: &Plan) -> Result<Result<(), String>> {
        let statement = format!("ALTER TABLE {} {}", self.table, plan.change.clauses);
        let mut arguments = vec!["submit", statement.as_str(), "--format", "json"];
        if !plan.may_be_instant {
            arguments.push("--no-instant");
        }
        if plan.complete_after.is_some() {
            arguments.push("--postpone-completion");
        }
        // Replicas that are broken on purpose would hold the migration back until they are mended.
        arguments.extend(["--max-lag", "off"]);
        arguments.extend(plan.options.iter().map(String::as_str));
        let output = outlast::output(&self.servers(), &arguments).await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            self.note(&format!("submission: {said}"));
            return Ok(Err(said));
        }
        let submitted: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        self.id = submitted["migration"].as_str().context("no migration id")?.to_owned();
        self.note(&format!("submitted {}: {statement}", self.id));
        for replica in self.cluster.replicas() {
            self.cluster.wait_for_catch_up(replica, PATIENCE).await?;
        }
        Ok(Ok(()))
    }

    /// Starts an agent that doesn't run.
    pub(crate) fn start_agent(&mut self, number: usize) -> Result<()> {
        let servers = self.cluster.reported_addresses();
        let agent = &mut self.agents[number];
        let log = self.directory.join(format!("{}.{}.log", agent.name, agent.starts));
        // Each life has its own.
        let failpoint = agent.failpoint.take().unwrap_or_default();
        let environment = [("OUTLAST_FAILPOINTS", failpoint.as_str())];
        let arguments = ["--liveness-interval", "1s"];
        agent.child = Some(outlast::armed_agent(
            &servers,
            &agent.name,
            log,
            &arguments,
            &environment,
        )?);
        agent.starts += 1;
        Ok(())
    }

    /// The agent that owns the migration on the primary, if that answers; the first one otherwise.
    pub(crate) async fn owner(&self) -> usize {
        let owner = match self.state().await {
            Ok(Some(state)) => state.owner,
            _ => None,
        };
        self.agents
            .iter()
            .position(|agent| Some(&agent.name) == owner.as_ref())
            .unwrap_or(0)
    }

    /// `kill -9`, frozen or not.
    pub(crate) async fn kill_agent(&mut self, number: usize) -> Result<()> {
        let agent = &mut self.agents[number];
        if let Some(thaw) = agent.thaw.take() {
            thaw.abort();
        }
        match agent.child.take() {
            Some(mut child) => child.kill().await.context("killing an agent"),
            None => Ok(()),
        }
    }

    /// SIGSTOP now, SIGCONT later. Whether that was possible.
    pub(crate) async fn freeze_agent(&mut self, number: usize, time: Duration) -> Result<bool> {
        let agent = &mut self.agents[number];
        let Some(process) = agent.child.as_ref().and_then(Child::id) else {
            return Ok(false);
        };
        if agent.thaw.as_ref().is_some_and(|thaw| !thaw.is_finished()) {
            return Ok(false);
        }
        outlast::signal(process, "STOP").await?;
        agent.thaw = Some(tokio::spawn(async move {
            // This is the fault: it lasts as long as the plan says.
            tokio::time::sleep(time).await;
            outlast::signal(process, "CONT").await
        }));
        Ok(true)
    }

    /// Waits until no agent is frozen any more, and all wires are mended.
    pub(crate) async fn all_thawed(&mut self) -> Result<()> {
        for agent in &mut self.agents {
            if let Some(thaw) = agent.thaw.take() {
                thaw.await.context("thawing an agent")??;
            }
        }
        for undone in std::mem::take(&mut self.undone) {
            undone.await.context("undoing a fault")??;
        }
        Ok(())
    }

    /// Agents end by themselves only where a failpoint kills them; then they are started again, as any supervisor does.
    pub(crate) fn revive_agents(&mut self) -> Result<()> {
        for number in 0..self.agents.len() {
            let agent = &mut self.agents[number];
            let Some(child) = &mut agent.child else { continue };
            let Some(status) = child.try_wait()? else { continue };
            let (name, may_die) = (agent.name.clone(), agent.starts == 1 && agent.may_die);
            ensure!(may_die, "{name} ended by itself: {status}");
            // Frozen when it was already dying.
            if let Some(thaw) = agent.thaw.take() {
                thaw.abort();
            }
            self.note(&format!("{name} died at its failpoint"));
            self.deaths += 1;
            self.start_agent(number)?;
        }
        Ok(())
    }

    /// Lets something go on beside what else happens; [`Stage::all_thawed`] waits for its end.
    pub(crate) fn meanwhile(&mut self, work: impl Future<Output = Result<()>> + Send + 'static) {
        self.undone.push(tokio::spawn(work));
    }

    /// Ends all agents as `kill` does, and waits for that.
    pub(crate) async fn stop_agents(&mut self) -> Result<()> {
        for agent in &mut self.agents {
            let Some(mut child) = agent.child.take() else { continue };
            if let Some(process) = child.id() {
                outlast::signal(process, "TERM").await?;
            }
            timeout(PATIENCE, child.wait())
                .await
                .with_context(|| format!("{} does not end after SIGTERM", agent.name))??;
        }
        Ok(())
    }

    /// The migration, as the primary knows it; none if it does not know it.
    pub(crate) async fn state(&self) -> Result<Option<State>> {
        let rows: Vec<StateRow> = self.ask_primary(&self.state_query()).await?;
        Ok(rows.into_iter().next().map(State::from))
    }

    /// As [`Stage::state`], on any server.
    pub(crate) async fn state_on(&self, node: &Node) -> Result<Option<State>> {
        let rows: Vec<StateRow> = node.query(&self.state_query()).await?;
        Ok(rows.into_iter().next().map(State::from))
    }

    fn state_query(&self) -> String {
        format!(
            "SELECT status, phase, message, failovers, complete_requested, owner_agent, \
             (SELECT path FROM _outlast.paths p WHERE p.migration = m.id) FROM _outlast.migrations m WHERE id = '{}'",
            self.id
        )
    }

    /// Asks the primary on a connection that is kept: moments are waited for by asking again and again.
    async fn ask_primary<T: FromRow + Send + 'static>(&self, sql: &str) -> Result<Vec<T>> {
        let primary = self.cluster.primary();
        let mut kept = self.eye.lock().await;
        if let Some((index, mut conn)) = kept.take()
            && index == primary.index()
            && let Ok(Ok(rows)) = timeout(ANSWER_LIMIT, conn.query(sql)).await
        {
            *kept = Some((index, conn));
            return Ok(rows);
        }
        let mut conn = primary.connect().await?;
        let rows = timeout(ANSWER_LIMIT, conn.query(sql)).await.context("no answer")??;
        *kept = Some((primary.index(), conn));
        Ok(rows)
    }

    /// How often it has got another owner, as its history says.
    pub(crate) async fn adoptions(&self) -> Result<u64> {
        self.cluster
            .primary()
            .query_one(&format!(
                "SELECT COALESCE(MAX(epoch), 0) FROM _outlast.events WHERE migration = '{}' AND kind = 'adopted'",
                self.id
            ))
            .await
    }

    /// Rows in finished chunks, as the checkpoint counts them.
    pub(crate) async fn copied_rows(&self) -> Result<u64> {
        let id = &self.id;
        let sql = format!(
            "SELECT CAST(COALESCE((SELECT folded_rows FROM _outlast.watermarks WHERE migration = '{id}'), 0) + \
             (SELECT COALESCE(SUM(rows_copied), 0) FROM _outlast.copied_ranges WHERE migration = '{id}') AS UNSIGNED)"
        );
        Ok(self.ask_primary(&sql).await?.into_iter().next().unwrap_or(0))
    }

    /// `outlast complete`, again and again until it is heard.
    pub(crate) async fn ask_to_complete(&self) -> Result<()> {
        self.note("outlast complete");
        eventually("outlast complete", PATIENCE, || async {
            let output = outlast::output(&self.servers(), &["complete", &self.id]).await?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            // One that has failed meanwhile can't be completed.
            let has_ended = self.state().await?.is_some_and(|state| state.has_ended());
            ensure!(output.status.success() || has_ended, "{said}");
            Ok(())
        })
        .await
    }

    /// Copies the servers' files to where the logs are; all servers and agents are killed.
    pub(crate) fn keep(self) -> Result<PathBuf> {
        drop(self.agents);
        drop(self.load);
        let copy = self.directory.join("servers");
        if copy.exists() {
            fs::remove_dir_all(&copy).with_context(|| format!("removing {}", copy.display()))?;
        }
        let cluster = Arc::into_inner(self.cluster).context("somebody uses the servers")?;
        cluster.keep(&copy).map(|()| copy)
    }
}

/// `SHOW CREATE TABLE`, without the counter.
pub(crate) async fn definition(conn: &mut Conn, table: &TableName) -> Result<String> {
    let row: Option<(String, String)> = conn.query_first(format!("SHOW CREATE TABLE {table}")).await?;
    let (_, text) = row.with_context(|| format!("{table} is no table"))?;
    let Some((before, after)) = text.split_once(" AUTO_INCREMENT=") else {
        return Ok(text);
    };
    Ok(format!(
        "{before}{}",
        after.trim_start_matches(|c: char| c.is_ascii_digit())
    ))
}

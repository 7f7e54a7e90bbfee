//! Plays one case: the table, the application, the migration.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use mysql_async::prelude::Queryable;
use outlast_testbed::{Cluster, Node, TableName};
use outlast_tests::{
    case::{Case, Expect, Stage},
    outlast,
};
use tokio::time::{Instant, sleep};

use crate::{
    application::Application,
    oracle::{self, Rows},
    program::Program,
    verdict,
};

/// How long anything may take before the case has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// The driver's own choice is an older collation than the server's, which other clients take.
pub(crate) const AS_CLIENTS_DO: &str = "SET NAMES utf8mb4";
/// The server's error of a transaction that was rolled back because it and others waited for each other.
const DEADLOCK: u16 = 1213;
/// The application's rest between two rounds, and the time between two looks at a phase.
const REST: Duration = Duration::from_millis(10);
/// Rounds of stages that are not over by themselves.
const ROUNDS: u64 = 3;
/// The usual arguments: a copy that takes many chunks, and long enough for the application to work meanwhile.
const USUAL_OPTIONS: [&str; 4] = ["--chunk-rows", "7", "--chunk-pause", "20ms"];
/// A killed owner is taken for gone soon.
const QUICK_TAKEOVER: [&str; 4] = ["--liveness-interval", "200ms", "--policy-param", "takeover_after=1s"];

/// A server, and where logs go.
pub(crate) struct Stand {
    cluster: Cluster,
    logs: PathBuf,
    schemas: AtomicUsize,
}

impl Stand {
    pub(crate) fn new(cluster: Cluster, logs: PathBuf) -> Self {
        Self {
            cluster,
            logs,
            schemas: AtomicUsize::new(0),
        }
    }

    /// A name for a schema that nobody has got.
    pub(crate) fn new_schema(&self) -> String {
        format!("case{}", self.schemas.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn node(&self) -> &Node {
        self.cluster.primary()
    }
}

/// A migration as `_outlast.migrations` shows it.
#[derive(Debug, Clone)]
pub(crate) struct Migration {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) phase: String,
}

/// How a migration ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    /// Why, in its own words.
    pub(crate) message: String,
    pub(crate) log: String,
    /// Whether `outlast complete` was asked for, and the schema cloned before.
    pub(crate) was_completed: bool,
    /// The schema's triggers when it was cloned: a clone has none.
    pub(crate) triggers: Vec<String>,
}

/// A case being played.
pub(crate) struct Play<'a> {
    pub(crate) stand: &'a Stand,
    pub(crate) case: &'a Case,
    /// The case's own schema.
    pub(crate) schema: String,
    /// What is said once in a stage may change the table; this is how it was after that.
    pub(crate) definition: Option<String>,
    log: PathBuf,
    rounds: u64,
    rounds_while_copying: u64,
    /// How many rows the application changed in each stage in which it had something to do.
    changed: Vec<(Stage, u64)>,
}

impl<'a> Play<'a> {
    /// Creates the schema and its tables.
    pub(crate) async fn begin(stand: &'a Stand, case: &'a Case, schema: &str, log_name: &str) -> Result<Self> {
        let log = stand.logs.join(format!("{}.log", log_name.replace(['/', ' '], "_")));
        match std::fs::remove_file(&log) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("removing {}", log.display()));
            }
            _ => {}
        }
        let mut play = Self {
            stand,
            case,
            schema: schema.to_owned(),
            definition: None,
            log,
            rounds: 0,
            rounds_while_copying: 0,
            changed: Vec::new(),
        };
        let mut conn = stand.node().connect().await?;
        conn.query_drop(AS_CLIENTS_DO).await?;
        conn.query_drop(format!("CREATE DATABASE {schema}")).await?;
        conn.query_drop(format!("USE {schema}")).await?;
        for statement in &case.create {
            conn.query_drop(&statement.sql)
                .await
                .with_context(|| format!("@create, line {}: {}", statement.line, statement.sql))?;
        }
        conn.disconnect().await?;
        play.remember_definition().await?;
        Ok(play)
    }

    /// The schema of the clone that is altered natively.
    pub(crate) fn native(&self) -> String {
        format!("{}_native", self.schema)
    }

    /// What the application does before the migration.
    pub(crate) async fn before(&mut self) -> Result<()> {
        let mut application = self.application(Stage::Before).await?;
        application.once().await?;
        self.rounds(&mut application, ROUNDS).await?;
        self.end(application).await?;
        self.remember_definition().await
    }

    /// Runs the migration through all its stages, to its end. Before completion is asked for, the schema is cloned.
    pub(crate) async fn migrate(&mut self) -> Result<Ended> {
        let mut program = self.start()?;
        let mut was_completed = false;
        let mut triggers = Vec::new();
        if self.stages(&mut program).await? {
            was_completed = true;
            triggers = oracle::triggers(self.stand.node(), &self.schema).await?;
            oracle::clone_schema(self.stand.node(), &self.schema, &self.native(), Rows::All).await?;
            let id = self.migration().await?.context("the migration vanished")?.id;
            let asked = outlast::succeed(&self.stand.cluster.addresses(), &["complete", &id]).await;
            // It may have failed by itself at this moment.
            if !program.has_ended()? {
                asked?;
            }
        }
        Ok(Ended {
            code: program.exit_code().await?,
            message: program.message(),
            log: program.last_words(),
            was_completed,
            triggers,
        })
    }

    fn start(&self) -> Result<Program> {
        let mut arguments = vec![
            "run",
            self.case.alter.as_str(),
            "--postpone-completion",
            "--format",
            "json",
        ];
        if !self.case.instant {
            arguments.push("--no-instant");
        }
        match &self.case.options {
            Some(options) => arguments.extend(options.iter().map(String::as_str)),
            None => arguments.extend(USUAL_OPTIONS),
        }
        if !self.case.restarts.is_empty() {
            arguments.extend(QUICK_TAKEOVER);
        }
        Program::start(&self.stand.cluster.addresses(), &self.schema, &arguments, &self.log)
    }

    /// Goes through the stages; whether the migration is ready at the end. If not, the program has ended.
    async fn stages(&mut self, program: &mut Program) -> Result<bool> {
        for stage in [Stage::Copying, Stage::Following, Stage::Ready] {
            if self.case.instant && stage != Stage::Ready {
                continue;
            }
            if !self.reaches(stage, program).await? {
                return Ok(false);
            }
            self.stage(stage, program).await?;
        }
        Ok(true)
    }

    /// Waits until a stage has begun; false if the program has ended before.
    async fn reaches(&mut self, stage: Stage, program: &mut Program) -> Result<bool> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = program.has_ended()?;
            let migration = self.migration().await?;
            if migration
                .as_ref()
                .is_some_and(|m| m.status == "running" && begins(stage, &m.phase))
                && !ended
            {
                return Ok(true);
            }
            if ended {
                return Ok(false);
            }
            ensure!(
                Instant::now() < deadline,
                "stage {stage} is not reached: {migration:?}\n{}",
                program.last_words()
            );
            sleep(REST).await;
        }
    }

    async fn stage(&mut self, stage: Stage, program: &mut Program) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut application = self.application(stage).await?;
        application.once().await?;
        self.remember_definition().await?;
        if stage == Stage::Copying && !self.case.once(stage).is_empty() && self.phase_is("copying").await? {
            self.rounds_while_copying += 1;
        }
        if self.case.restarts.contains(&stage) {
            program.kill().await?;
            let id = self.migration().await?.context("the migration vanished")?.id;
            let mut arguments = vec!["resume", id.as_str(), "--format", "json"];
            arguments.extend(&QUICK_TAKEOVER[..2]);
            *program = Program::start(&self.stand.cluster.addresses(), &self.schema, &arguments, &self.log)?;
        }
        let mut rounds = 0;
        while !self.case.round.is_empty() && !program.has_ended()? {
            ensure!(
                Instant::now() < deadline,
                "stage {stage} does not end\n{}",
                program.last_words()
            );
            self.rounds(&mut application, 1).await?;
            rounds += 1;
            let lasts = match stage {
                // A round that was over while rows were copied began then, too.
                Stage::Copying => {
                    let copying = self.phase_is("copying").await?;
                    self.rounds_while_copying += u64::from(copying);
                    copying
                }
                Stage::Following => rounds < ROUNDS || !self.phase_is("ready").await?,
                _ => rounds < ROUNDS,
            };
            if !lasts {
                break;
            }
            sleep(REST).await;
        }
        self.end(application).await
    }

    /// What the application does after the swap, on the new table.
    pub(crate) async fn after(&mut self) -> Result<()> {
        let mut application = self.application(Stage::After).await?;
        application.once().await?;
        self.end(application).await
    }

    /// One more round, to show that the application works.
    pub(crate) async fn one_more_round(&mut self, stage: Stage) -> Result<()> {
        let mut application = self.application(stage).await?;
        self.rounds(&mut application, 1).await?;
        self.end(application).await
    }

    /// The application must have worked while rows were copied.
    pub(crate) fn expect_work_while_copying(&self) -> Result<()> {
        let works = !self.case.round.is_empty() || !self.case.once(Stage::Copying).is_empty();
        ensure!(
            self.case.instant || !works || self.rounds_while_copying > 0,
            "the copy was too short: no round of the application was over before its end; let it have more rows or chunks"
        );
        Ok(())
    }

    async fn application(&self, stage: Stage) -> Result<Application<'a>> {
        Application::connect(self.stand.node(), self.case, &self.schema, stage).await
    }

    async fn end(&mut self, application: Application<'_>) -> Result<()> {
        let stage = application.stage();
        let changed = application.end(self.stand.node()).await?;
        self.changed.extend(changed.map(|changed| (stage, changed)));
        Ok(())
    }

    /// The application must have changed rows in each stage; a statement that stops a migration need not.
    pub(crate) fn expect_changes(&self) -> Result<()> {
        let idle = self.changed.iter().find(|(_, changed)| *changed == 0);
        match idle {
            Some((stage, _)) if !matches!(self.case.expect, Expect::Stops(_)) => {
                bail!("the statements of stage {stage} changed no row")
            }
            _ => Ok(()),
        }
    }

    async fn rounds(&mut self, application: &mut Application<'_>, count: u64) -> Result<()> {
        for _ in 0..count {
            self.rounds += 1;
            application.round(self.rounds).await?;
        }
        Ok(())
    }

    async fn phase_is(&self, phase: &str) -> Result<bool> {
        Ok(self.migration().await?.is_some_and(|m| m.phase == phase))
    }

    /// The case's last migration, if one was submitted.
    pub(crate) async fn migration(&self) -> Result<Option<Migration>> {
        let sql = format!(
            "SELECT id, status, phase FROM _outlast.migrations WHERE schema_name = '{}' ORDER BY submitted_at DESC LIMIT 1",
            self.schema
        );
        let mut conn = self.stand.node().connect().await?;
        let found: mysql_async::Result<Option<(String, String, String)>> = loop {
            match conn.query_first(&sql).await {
                // With the program that is just creating these tables.
                Err(mysql_async::Error::Server(error)) if error.code == DEADLOCK => {}
                found => break found,
            }
        };
        conn.disconnect().await?;
        match found {
            Ok(found) => Ok(found.map(|(id, status, phase)| Migration { id, status, phase })),
            // The first program of all creates these tables.
            Err(mysql_async::Error::Server(error)) if [1049, 1146].contains(&error.code) => Ok(None),
            Err(error) => Err(error).context("looking for the migration"),
        }
    }

    async fn remember_definition(&mut self) -> Result<()> {
        self.definition = self.current_definition().await?;
        Ok(())
    }

    /// The table's definition without the next AUTO_INCREMENT value; none if there is no such table.
    pub(crate) async fn current_definition(&self) -> Result<Option<String>> {
        let mut conn = self.stand.node().connect().await?;
        let names = oracle::tables(&mut conn, &self.schema).await?;
        let table = TableName::new(&self.schema, self.case.table());
        let definition = match names.contains(&table.table) {
            true => Some(oracle::without_auto_increment(
                &oracle::definition(&mut conn, &table).await?,
            )),
            false => None,
        };
        conn.disconnect().await?;
        Ok(definition)
    }

    /// Drops the schemas of a case that passed.
    pub(crate) async fn clean_up(self) -> Result<()> {
        let mut conn = self.stand.node().connect().await?;
        let mut schemas = vec![self.schema.clone(), self.native()];
        if self.migration().await?.is_some() {
            let sql = format!(
                "SELECT id FROM _outlast.migrations WHERE schema_name = '{}'",
                self.schema
            );
            for id in conn.query::<String, _>(sql).await? {
                schemas.extend(["new", "old"].map(|kind| format!("_outlast_{kind}_{id}")));
            }
        }
        conn.query_drop("SET SESSION sql_log_bin = OFF, foreign_key_checks = OFF")
            .await?;
        for schema in schemas {
            conn.query_drop(format!("DROP DATABASE IF EXISTS {schema}")).await?;
        }
        conn.disconnect().await?;
        Ok(())
    }
}

/// Whether a stage has begun when a migration is in this phase.
fn begins(stage: Stage, phase: &str) -> bool {
    let phases: &[&str] = match stage {
        Stage::Copying => &["copying", "following", "ready"],
        Stage::Following => &["following", "ready"],
        _ => &["ready"],
    };
    phases.contains(&phase)
}

/// Plays a case, and judges how it ends.
pub(crate) async fn play(stand: &Stand, case: &Case, schema: &str, name: &str) -> Result<()> {
    let outcome = async {
        let mut play = Play::begin(stand, case, schema, name).await?;
        play.before().await?;
        verdict::expect(&mut play).await?;
        play.expect_changes()?;
        play.clean_up().await
    }
    .await;
    roll_back_prepared(stand.node(), case).await?;
    outcome
}

/// Ends the XA transactions that a failed case left: other migrations wait for them.
async fn roll_back_prepared(node: &Node, case: &Case) -> Result<()> {
    let text = case.to_string();
    if !text.contains("XA ") {
        return Ok(());
    }
    let mut conn = node.connect().await?;
    let prepared: Vec<(u64, u64, u64, String)> = conn.query("XA RECOVER").await?;
    for (_, _, _, name) in prepared.into_iter().filter(|(.., name)| text.contains(name.as_str())) {
        conn.query_drop(format!("XA ROLLBACK '{name}'")).await?;
    }
    conn.disconnect().await?;
    Ok(())
}

/// Sets the server's variables of a case; returns what gives them back their values.
pub(crate) async fn set_globals(
    node: &Node,
    globals: &[(String, String)],
) -> Result<Vec<(String, mysql_async::Value)>> {
    let mut conn = node.connect().await?;
    let mut old = Vec::new();
    for (name, value) in globals {
        // As text, a number could not be set again.
        let before: Option<mysql_async::Value> = conn.exec_first(format!("SELECT @@GLOBAL.{name}"), ()).await?;
        old.push((
            name.clone(),
            before.with_context(|| format!("there is no variable {name}"))?,
        ));
        if let Err(error) = conn.query_drop(format!("SET GLOBAL {name} = {value}")).await {
            restore_globals(node, &old).await?;
            bail!("SET GLOBAL {name} = {value}: {error}");
        }
    }
    conn.disconnect().await?;
    Ok(old)
}

/// Gives variables back their values, the last one first.
pub(crate) async fn restore_globals(node: &Node, old: &[(String, mysql_async::Value)]) -> Result<()> {
    let mut conn = node.connect().await?;
    for (name, value) in old.iter().rev() {
        conn.exec_drop(format!("SET GLOBAL {name} = ?"), (value.clone(),))
            .await
            .with_context(|| format!("restoring {name}"))?;
    }
    conn.disconnect().await?;
    Ok(())
}

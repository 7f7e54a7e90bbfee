//! The program `outlast`, run as users run it, and what it wrote down about a migration.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use mysql_async::{Conn, prelude::Queryable};
use outlast_testbed::{Node, accounts};
use serde::Deserialize;
use tokio::process::{Child, Command};

use crate::{
    bed::{Bed, CHANGES, TABLE},
    stage::Stage,
    usage::{self, Usage},
};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// Options of every migration that is measured.
const COPIED: &str = "--no-instant";

/// The program, told where the servers are.
pub(crate) struct Outlast {
    program: PathBuf,
    logs: PathBuf,
    servers: String,
}

/// A migration that was run to its end in the foreground.
#[derive(Debug)]
pub(crate) struct Run {
    /// From the start of the program to its end.
    pub(crate) wall: Duration,
    pub(crate) usage: Usage,
    /// CPU seconds of the primary meanwhile.
    pub(crate) server_cpu_seconds: f64,
    pub(crate) moments: Moments,
}

/// When a migration got where, by the clock of the servers, in microseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments {
    pub(crate) adopted: Option<u64>,
    pub(crate) copying: Option<u64>,
    pub(crate) following: Option<u64>,
    pub(crate) ready: Option<u64>,
}

/// How far a migration is.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) status: String,
    pub(crate) phase: String,
    pub(crate) message: String,
    pub(crate) moments: Moments,
}

impl Outlast {
    pub(crate) fn new(stage: &Stage, bed: &Bed) -> Self {
        Self {
            program: stage.program.clone(),
            logs: stage.logs.clone(),
            servers: bed.cluster.addresses().join(","),
        }
    }

    /// Runs a migration of the table to its end; what is left of it is dropped.
    ///
    /// # Errors
    ///
    /// When it doesn't complete within `limit`.
    pub(crate) async fn run(&self, bed: &Bed, name: &str, options: &[&str], limit: Duration) -> Result<Run> {
        let (events, log) = (self.log(name, "jsonl"), self.log(name, "log"));
        let mut command = self.command(&["run", &statement(), COPIED, "--agent", "bench", "--format", "json"]);
        command.args(options).stdout(created(&events)?).stderr(created(&log)?);
        let server_before = bed.server_usage()?;
        let begun = Instant::now();
        let mut child = command.spawn().context("starting outlast run")?;
        let watched = usage::watch(child.id().context("outlast run has ended at once")?);
        let ended = tokio::time::timeout(limit, child.wait()).await;
        let wall = begun.elapsed();
        let server_after = bed.server_usage()?;
        let told = || format!("{}; see {}", last_line(&log), log.display());
        let status = match ended {
            Ok(status) => status.context("waiting for outlast run")?,
            Err(_) => {
                child.kill().await.context("killing outlast run")?;
                bail!("outlast run has not ended within {limit:?}: {}", told());
            }
        };
        ensure!(status.success(), "outlast run: {status}: {}", told());
        let id = submitted(&events)?;
        let mut conn = bed.primary().connect().await?;
        let moments = state(&mut conn, &id).await?.moments;
        self.clean_up(&id).await?;
        Ok(Run {
            wall,
            usage: watched.await.context("watching outlast run")?,
            server_cpu_seconds: server_after.cpu_seconds - server_before.cpu_seconds,
            moments,
        })
    }

    /// Starts an agent; it ends when it is dropped.
    pub(crate) fn start_agent(&self, name: &str) -> Result<Child> {
        let mut command = self.command(&["agent", "--agent", name, "--liveness-interval", "1s"]);
        command.stdout(Stdio::null()).stderr(created(&self.log(name, "log"))?);
        command.spawn().with_context(|| format!("starting {name}"))
    }

    /// Submits a migration that waits before its cut-over; returns its id.
    pub(crate) async fn submit(&self, options: &[&str]) -> Result<String> {
        let statement = statement();
        let mut arguments = vec![
            "submit",
            &statement,
            COPIED,
            "--postpone-completion",
            "--format",
            "json",
        ];
        arguments.extend(options);
        let printed = self.request(&arguments).await?;
        let submitted: Submitted =
            serde_json::from_str(&printed).with_context(|| format!("outlast submit printed {printed}"))?;
        Ok(submitted.migration)
    }

    /// Lets a migration do its cut-over.
    pub(crate) async fn complete(&self, id: &str) -> Result<()> {
        self.request(&["complete", id]).await.map(drop)
    }

    /// Drops what a migration that has ended left, the old table among it.
    pub(crate) async fn clean_up(&self, id: &str) -> Result<()> {
        self.request(&["cleanup", id]).await.map(drop)
    }

    async fn request(&self, arguments: &[&str]) -> Result<String> {
        let what = || format!("outlast {}", arguments.join(" "));
        let output = tokio::time::timeout(PATIENCE, self.command(arguments).output()).await;
        let output = output
            .with_context(|| format!("{} takes longer than {PATIENCE:?}", what()))?
            .with_context(what)?;
        if !output.status.success() {
            bail!("{} failed: {}", what(), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("OUTLAST_SERVER", &self.servers)
            .env("OUTLAST_USER", accounts::OUTLAST_USER)
            .env("OUTLAST_PASSWORD", accounts::OUTLAST_PASSWORD)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    fn log(&self, name: &str, extension: &str) -> PathBuf {
        self.logs.join(format!("{name}.{extension}"))
    }
}

/// What is stored about a migration.
pub(crate) async fn state(conn: &mut Conn, id: &str) -> Result<State> {
    type Row = (
        String,
        String,
        String,
        Option<u64>,
        Option<u64>,
        Option<u64>,
        Option<u64>,
    );
    let micros = ["adopted_at", "copying_at", "following_at", "ready_at"]
        .map(|column| format!("TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {column})"));
    let sql = format!(
        "SELECT status, phase, message, {} FROM _outlast.migrations WHERE id = '{id}'",
        micros.join(", ")
    );
    let row: Option<Row> = conn.query_first(sql).await?;
    let (status, phase, message, adopted, copying, following, ready) =
        row.with_context(|| format!("there is no migration {id}"))?;
    Ok(State {
        status,
        phase,
        message,
        moments: Moments {
            adopted,
            copying,
            following,
            ready,
        },
    })
}

/// Looks at a migration again and again until it is as wanted.
pub(crate) async fn wait_for(
    node: &Node,
    id: &str,
    what: &str,
    limit: Duration,
    reached: impl Fn(&State) -> bool,
) -> Result<State> {
    let mut conn = node.connect().await?;
    let deadline = Instant::now() + limit;
    loop {
        let state = state(&mut conn, id).await?;
        if reached(&state) {
            return Ok(state);
        }
        if ["failed", "cancelled"].contains(&state.status.as_str()) {
            bail!("migration {id} ended as {}: {}", state.status, state.message);
        }
        ensure!(Instant::now() < deadline, "{what}: not within {limit:?}: {state:?}");
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

fn statement() -> String {
    format!("ALTER TABLE {TABLE} {CHANGES}")
}

#[derive(Deserialize)]
struct Submitted {
    migration: String,
}

/// The id of the migration that a run's first event tells.
fn submitted(events: &Path) -> Result<String> {
    let text = std::fs::read_to_string(events).with_context(|| format!("reading {}", events.display()))?;
    let first = text.lines().next().context("outlast run printed nothing")?;
    let event: Submitted = serde_json::from_str(first).with_context(|| format!("outlast run printed {first}"))?;
    Ok(event.migration)
}

fn created(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("creating {}", path.display()))
}

fn last_line(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_else(|error| format!("(no log: {error})"));
    text.lines().last().unwrap_or("(nothing in its log)").to_owned()
}

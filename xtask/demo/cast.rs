//! Who takes part: three servers, an application, two agents, and the `outlast` program.

use std::{env, fs, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use outlast_testbed::{Cluster, Distribution, Topology, accounts};
use serde::Deserialize;
use tokio::process::{Child, Command};

use crate::screen::{Ink, Screen};

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Finds a server to run, or unpacks one, and starts a primary and two replicas.
pub(crate) async fn start_cluster(screen: &Screen) -> Result<Cluster> {
    let (tell, mut told) = tokio::sync::mpsc::channel(16);
    let find = move || {
        // Nobody listens any more: then nobody waits for the server either.
        Distribution::find_or_unpack(&|line| drop(tell.blocking_send(line.to_owned())))
    };
    let finding = tokio::task::spawn_blocking(find);
    while let Some(line) = told.recv().await {
        screen.say(Ink::Plain, &line);
    }
    let distribution = finding.await.context("looking for a MySQL server")??;
    let version = distribution.version();
    screen.say(
        Ink::Plain,
        &format!("starting three MySQL {version} servers, semi-synchronous replication"),
    );
    Cluster::builder(Topology::SemiSync { nodes: 3 })
        .distribution(distribution)
        .start()
        .await
}

/// `db1` for the first node.
pub(crate) fn name(node: usize) -> String {
    format!("db{}", node + 1)
}

/// What the demo reads of `outlast status`.
#[derive(Debug, Deserialize)]
pub(crate) struct Status {
    pub(crate) status: String,
    pub(crate) phase: String,
    pub(crate) rows_copied: u64,
    pub(crate) progress: f64,
    pub(crate) message: String,
    pub(crate) owner: Option<Owner>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Owner {
    pub(crate) agent: String,
}

/// The `outlast` program, told where the servers are.
pub(crate) struct Outlast {
    program: PathBuf,
    servers: String,
    logs: PathBuf,
}

impl Outlast {
    /// The program that was built along with this one.
    pub(crate) fn new(cluster: &Cluster) -> Result<Self> {
        let this = env::current_exe().context("looking for this program")?;
        let program = this.with_file_name("outlast");
        ensure!(
            program.exists(),
            "{} is missing: start this by `cargo xtask demo`",
            program.display()
        );
        let profile = this
            .parent()
            .and_then(|debug| debug.parent())
            .context("this program is in no target folder")?;
        let logs = profile.join("demo");
        fs::create_dir_all(&logs).with_context(|| format!("creating {}", logs.display()))?;
        Ok(Self {
            program,
            servers: cluster.addresses().join(","),
            logs,
        })
    }

    /// Where the agents' logs are.
    pub(crate) fn logs(&self) -> String {
        self.logs.display().to_string()
    }

    /// Starts an agent; it ends when it is dropped.
    pub(crate) fn start_agent(&self, name: &str) -> Result<Child> {
        let path = self.logs.join(format!("{name}.log"));
        let log = fs::File::create(&path).with_context(|| format!("creating {}", path.display()))?;
        let mut command = self.command(&["agent", "--agent", name, "--liveness-interval", "1s"]);
        command.stdout(Stdio::null()).stderr(log).env("NO_COLOR", "1");
        command.spawn().with_context(|| format!("starting {name}"))
    }

    /// Submits a migration that waits before its cut-over; returns its id.
    pub(crate) async fn submit(&self, statement: &str, options: &[&str]) -> Result<String> {
        #[derive(Deserialize)]
        struct Submitted {
            migration: String,
        }
        let mut arguments = vec![
            "submit",
            statement,
            "--no-instant",
            "--postpone-completion",
            "--format",
            "json",
        ];
        arguments.extend(options);
        let printed = self.run(&arguments).await?;
        let submitted: Submitted =
            serde_json::from_str(&printed).with_context(|| format!("submit printed {printed}"))?;
        Ok(submitted.migration)
    }

    /// Asks how a migration is doing.
    pub(crate) async fn status(&self, id: &str) -> Result<Status> {
        let printed = self.run(&["status", id, "--format", "json"]).await?;
        serde_json::from_str(&printed).with_context(|| format!("status printed {printed}"))
    }

    /// Lets a migration do its cut-over.
    pub(crate) async fn complete(&self, id: &str) -> Result<()> {
        self.run(&["complete", id]).await.map(drop)
    }

    async fn run(&self, arguments: &[&str]) -> Result<String> {
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
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }
}

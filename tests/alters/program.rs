//! A migration's process: `outlast run`, and `outlast resume` after it was killed.

use std::{
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use outlast_tests::outlast;
use tokio::process::Child;

use crate::player::PATIENCE;

/// The process, whose messages go to a file.
pub(crate) struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts the program; what it says on stderr is appended to the file.
    pub(crate) fn start(servers: &[String], schema: &str, arguments: &[&str], log: &Path) -> Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("opening {}", log.display()))?;
        let events = File::create(log.with_extension("jsonl"))?;
        let child = outlast::command(servers, arguments)?
            .env("OUTLAST_DATABASE", schema)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(events)
            .stderr(file)
            .spawn()
            .context("starting outlast")?;
        Ok(Self {
            child,
            log: log.to_owned(),
        })
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Kills it, as `kill -9` does.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.context("killing outlast")
    }

    /// Waits for its end; returns its exit code.
    pub(crate) async fn exit_code(&mut self) -> Result<i32> {
        let Ok(status) = tokio::time::timeout(PATIENCE, self.child.wait()).await else {
            bail!("outlast does not end:\n{}", self.last_words());
        };
        let status = status?;
        status.code().with_context(|| format!("outlast was ended by {status}"))
    }

    /// What it said of why it ends.
    pub(crate) fn message(&self) -> String {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        said.lines()
            .filter(|line| line.starts_with("outlast: "))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The end of its log, for people.
    pub(crate) fn last_words(&self) -> String {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }
}

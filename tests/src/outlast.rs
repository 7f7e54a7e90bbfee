//! The `outlast` program, run as users run it.

use std::{
    path::PathBuf,
    process::{Output, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use outlast_testbed::accounts;
use serde_json::Value;
use tokio::process::{Child, Command};

/// Where the program is: beside the test programs, in cargo's target directory.
fn program() -> Result<PathBuf> {
    let tests = std::env::current_exe()?;
    let program = tests
        .ancestors()
        .nth(2)
        .context("the test program lies in no directory")?
        .join("outlast");
    if !program.exists() {
        bail!(
            "{} is missing; run `cargo build -p outlast-cli` first (cargo xtask e2e does)",
            program.display()
        );
    }
    Ok(program)
}

/// The rule of `OUTLAST_FAILPOINTS` by which a process notes the points that it reaches. `cargo xtask e2e` looks whether there is
/// any that no scenario reaches.
pub fn recording() -> String {
    format!(
        "*=record:{}",
        concat!(env!("CARGO_MANIFEST_DIR"), "/../target/e2e/reached")
    )
}

/// A command line with the connection options for these servers.
pub fn command(servers: &[String], arguments: &[&str]) -> Result<Command> {
    std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/e2e"))?;
    let mut command = Command::new(program()?);
    command
        .args(arguments)
        .env("OUTLAST_SERVER", servers.join(","))
        .env("OUTLAST_USER", accounts::OUTLAST_USER)
        .env("OUTLAST_PASSWORD", accounts::OUTLAST_PASSWORD)
        .env("OUTLAST_FAILPOINTS", recording())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    Ok(command)
}

/// Runs a command to its end, within a minute.
pub async fn output(servers: &[String], arguments: &[&str]) -> Result<Output> {
    let running = command(servers, arguments)?.output();
    tokio::time::timeout(Duration::from_secs(60), running)
        .await
        .with_context(|| format!("outlast {arguments:?} did not end within a minute"))?
        .with_context(|| format!("outlast {arguments:?}"))
}

/// Runs a command that must succeed; returns what it printed.
pub async fn succeed(servers: &[String], arguments: &[&str]) -> Result<String> {
    let output = output(servers, arguments).await?;
    if !output.status.success() {
        bail!(
            "outlast {arguments:?} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs a command that prints one JSON object.
pub async fn json(servers: &[String], arguments: &[&str]) -> Result<Value> {
    let text = succeed(servers, arguments).await?;
    serde_json::from_str(&text).with_context(|| format!("outlast {arguments:?} printed {text}"))
}

/// A running `outlast agent`, logging into the file.
pub fn agent(servers: &[String], name: &str, log: PathBuf, extra: &[&str]) -> Result<Child> {
    armed_agent(servers, name, log, extra, &[])
}

/// As [`agent`], with more in its environment.
pub fn armed_agent(
    servers: &[String],
    name: &str,
    log: PathBuf,
    extra: &[&str],
    environment: &[(&str, &str)],
) -> Result<Child> {
    let log = std::fs::File::create(&log).with_context(|| format!("creating {}", log.display()))?;
    let mut arguments = vec!["agent", "--agent", name];
    arguments.extend(extra);
    let mut command = command(servers, &arguments)?;
    command
        .env("OUTLAST_LOG", "info,outlast_core=debug")
        .env("NO_COLOR", "1")
        .envs(environment.iter().copied());
    command.stdout(Stdio::null()).stderr(log);
    command.spawn().context("starting an agent")
}

/// Sends a signal to a process of ours.
pub async fn signal(process: u32, signal: &str) -> Result<()> {
    let status = Command::new("kill")
        .arg(format!("-{signal}"))
        .arg(process.to_string())
        .status()
        .await?;
    if !status.success() {
        bail!("signal {signal} could not be sent to process {process}");
    }
    Ok(())
}

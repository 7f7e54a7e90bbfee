//! Where the program learns how to reach a cluster: files, with several clusters, passwords in files and from commands, `~/.my.cnf`.

use std::{path::Path, process::Output};

use anyhow::{Context, Result, ensure};
use outlast_testbed::{Cluster, Topology, accounts, eventually};
use serde_json::Value;

use crate::{outlast, scene::PATIENCE};

const WELL: i32 = 0;
const USAGE: i32 = 2;
const REFUSED: i32 = 3;

/// Runs `outlast list` with nothing in its environment but a home.
async fn list(home: &Path, options: &[&str]) -> Result<Output> {
    let mut command = outlast::command(&[], &[&["list"], options].concat())?;
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
        .env("OUTLAST_FAILPOINTS", outlast::recording())
        .env("HOME", home)
        .output()
        .await
        .context("outlast list")
}

async fn expect(home: &Path, options: &[&str], code: i32, word: &str) -> Result<()> {
    let output = list(home, options).await?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    println!("outlast list {options:?}\n  {said}");
    ensure!(
        output.status.code() == Some(code) && said.contains(word),
        "{options:?}: {said}"
    );
    ensure!(
        !said.contains(accounts::OUTLAST_PASSWORD),
        "the password is told: {said}"
    );
    Ok(())
}

#[tokio::test]
async fn a_cluster_is_reached_by_whatever_the_user_has_written_down() -> Result<()> {
    let cluster = Cluster::start(Topology::Single).await?;
    let home = cluster.primary().data_directory().join("home");
    std::fs::create_dir_all(&home)?;
    let write = |name: &str, text: &str| {
        let path = home.join(name);
        std::fs::write(&path, text)?;
        anyhow::Ok(path.display().to_string())
    };
    let (address, user, password) = (
        cluster.primary().address(),
        accounts::OUTLAST_USER,
        accounts::OUTLAST_PASSWORD,
    );
    expect(&home, &[], USAGE, "no server is given").await?;

    let secret = write("secret", &format!("{password}\n"))?;
    let both = write(
        "outlast.toml",
        &format!(
            "user = '{user}'\npassword_file = '{secret}'\n\
             [clusters.here]\nservers = ['{address}']\n\
             [clusters.printed]\nservers = ['{address}']\npassword_command = 'cat {secret}'\n\
             [clusters.broken]\nservers = ['{address}']\npassword_command = 'cat {secret}; exit 7'\n"
        ),
    )?;
    expect(&home, &["--config", &both, "--cluster", "here"], WELL, "").await?;
    expect(&home, &["--config", &both, "--cluster", "printed"], WELL, "").await?;
    expect(
        &home,
        &["--config", &both, "--cluster", "broken"],
        USAGE,
        "has given no password",
    )
    .await?;
    expect(
        &home,
        &["--config", &both, "--cluster", "hree"],
        USAGE,
        "did you mean here?",
    )
    .await?;
    expect(&home, &["--config", &both], USAGE, "broken, here, printed").await?;
    expect(&home, &["--cluster", "here"], USAGE, "--config").await?;
    let wrong = write("wrong.toml", "servrs = ['x']")?;
    expect(&home, &["--config", &wrong], USAGE, "did you mean `servers`?").await?;

    // What might be two clusters is neither.
    let both_ways = ["--config", &both, "--cluster", "here", "--server", &address];
    expect(&home, &both_ways, USAGE, "leave one out").await?;

    let (host, port) = address.rsplit_once(':').context("no port")?;
    write(
        ".my.cnf",
        &format!("[client]\nuser={user}\npassword=\"{password}\"\nhost={host}\nport={port}\n"),
    )?;
    expect(&home, &["--server", &address], WELL, "").await?;
    // Which server is meant has to be said, and a password is of one account.
    expect(&home, &[], USAGE, "no server is given").await?;
    let account = "check --user and the password";
    expect(&home, &["--server", &address, "--user", "nobody"], REFUSED, "check").await?;
    expect(&home, &["--server", &address, "--password", "wrong"], REFUSED, account).await
}

#[tokio::test]
async fn an_agent_logs_for_programs_if_it_is_told_to() -> Result<()> {
    let cluster = Cluster::start(Topology::Single).await?;
    let log = cluster.primary().data_directory().join("agent.log");
    let json = [("OUTLAST_LOG_FORMAT", "json")];
    let _agent = outlast::armed_agent(&cluster.addresses(), "a", log.clone(), &[], &json)?;
    eventually("the agent logs", PATIENCE, || async {
        let text = std::fs::read_to_string(&log)?;
        let line = text.lines().find(|line| line.contains("agent started"));
        let entry: Value = serde_json::from_str(line.context("it has not started")?)?;
        ensure!(
            entry["level"] == "INFO" && entry["message"] == "agent started",
            "{entry}"
        );
        Ok(())
    })
    .await
}

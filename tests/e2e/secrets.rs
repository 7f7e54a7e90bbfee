//! A password is known to who gave it, and to the server: it stands in no output, table, log or process list.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use mysql_async::{Row, Value};
use outlast_testbed::{Cluster, Node, eventually};
use tokio::process::Command;

use crate::{bad_input::single_server, outlast, scene::PATIENCE};

const PASSWORD: &str = "Plover-7f3a-XYZZY";
const WRONG: &str = "-Plugh-91cc-FROTZ";

/// All that was said by anybody.
#[derive(Default)]
struct Said(Vec<(String, Vec<u8>)>);

impl Said {
    fn hear(&mut self, who: impl Into<String>, what: impl Into<Vec<u8>>) {
        self.0.push((who.into(), what.into()));
    }

    fn expect_secrecy(&self) -> Result<()> {
        for (who, what) in &self.0 {
            for secret in [PASSWORD, WRONG, &PASSWORD[7..], &WRONG[6..]] {
                let at = what
                    .windows(secret.len())
                    .position(|window| window == secret.as_bytes());
                let near = at.map(|at| String::from_utf8_lossy(&what[at.saturating_sub(80)..at]).into_owned());
                ensure!(near.is_none(), "{secret} is told by {who}, after {near:?}");
            }
        }
        Ok(())
    }
}

/// `outlast` with nothing given but what is said here, talking as much as it can.
fn command(node: &Node, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Command> {
    let mut command = outlast::command(&[node.address()], arguments)?;
    command
        .env_remove("OUTLAST_PASSWORD")
        .env("OUTLAST_USER", "secretive")
        .env("OUTLAST_LOG", "trace")
        .env("RUST_LOG", "trace")
        .env("RUST_BACKTRACE", "full")
        .envs(environment.iter().copied());
    Ok(command)
}

/// What a process was started with, as everybody on its machine may read it.
fn command_line(process: Option<u32>) -> Result<Vec<u8>> {
    let process = process.context("it has ended")?;
    std::fs::read(format!("/proc/{process}/cmdline")).context("reading a command line")
}

/// Runs `outlast` and hears what it says; returns whether it succeeded.
async fn run(said: &mut Said, node: &Node, arguments: &[&str], environment: &[(&str, &str)]) -> Result<bool> {
    let output = tokio::time::timeout(PATIENCE, command(node, arguments, environment)?.output()).await??;
    let what = [&output.stdout[..], &output.stderr].concat();
    ensure!(
        !what.is_empty() || output.status.success(),
        "outlast {arguments:?} failed without a word"
    );
    said.hear(format!("outlast {}", arguments.join(" ").replace(PASSWORD, "…")), what);
    Ok(output.status.success())
}

/// Every value of every table of Outlast's, and of the server's tables of sessions and statements.
async fn hear_tables(said: &mut Said, node: &Node) -> Result<()> {
    let mut tables: Vec<(String, String)> = node
        .query(
            "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA LIKE '\\_outlast%' \
             UNION SELECT 'mysql', 'general_log'",
        )
        .await?;
    ensure!(tables.len() > 8, "these are not all tables: {tables:?}");
    for table in [
        "session_connect_attrs",
        "session_account_connect_attrs",
        "threads",
        "events_statements_history_long",
    ] {
        tables.push(("performance_schema".to_owned(), table.to_owned()));
    }
    for (schema, table) in tables {
        let rows: Vec<Row> = node.query(&format!("SELECT * FROM `{schema}`.`{table}`")).await?;
        let mut bytes = Vec::new();
        for value in rows.into_iter().flat_map(Row::unwrap) {
            match value {
                Value::Bytes(text) => bytes.extend(text),
                other => bytes.extend(other.as_sql(true).into_bytes()),
            }
            bytes.push(b'\n');
        }
        said.hear(format!("{schema}.{table}"), bytes);
    }
    Ok(())
}

fn hear_files(said: &mut Said, node: &Node) -> Result<()> {
    said.hear("the error log", std::fs::read(node.error_log())?);
    let mut binlogs = 0;
    for entry in std::fs::read_dir(node.data_directory())? {
        let path = entry?.path();
        if path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("binlog."))
        {
            said.hear(path.display().to_string(), std::fs::read(&path)?);
            binlogs += 1;
        }
    }
    ensure!(binlogs > 1, "there are no binlogs");
    Ok(())
}

fn file(directory: &Path, name: &str, text: &str) -> Result<String> {
    let path = directory.join(name);
    std::fs::write(&path, text)?;
    Ok(path.to_str().context("the path is no text")?.to_owned())
}

/// Whatever goes wrong, with a password given in whatever way.
async fn provoke(said: &mut Said, node: &Node, directory: &Path) -> Result<()> {
    let again = "ALTER TABLE test.good ADD COLUMN again INT";
    for arguments in [
        &["list", "--password", WRONG][..],
        &["list", "--password=-Plugh-91cc-FROTZ"],
        &["list", "--pasword", PASSWORD],
        &["list", "--password", PASSWORD, "--no-such-option"],
        &["--password", PASSWORD, "no-such-command"],
        &["run", "--password", PASSWORD],
        &["run", "ALTER TABLE mysql.user ADD a INT", "--password", PASSWORD],
        &["list", "--password", PASSWORD, "--server", "127.0.0.1:1"],
        &["list", "--password", PASSWORD, "--server", "nonsense:x"],
        &["list", "--password", PASSWORD, "--tls-ca", "/no/such/file"],
        &["run", again, "--password", PASSWORD, "--user", "nobody"],
    ] {
        ensure!(!run(said, node, arguments, &[]).await?, "{arguments:?} succeeded");
    }
    for (number, line) in [
        format!("password = {PASSWORD}"),
        format!("password = '{PASSWORD}"),
        format!("password: {PASSWORD}"),
        format!("password = ['{PASSWORD}']"),
        format!("Password = '{PASSWORD}'"),
        format!("passwd = '{PASSWORD}'"),
        format!("password = '{PASSWORD}'\nuser = 5"),
    ]
    .iter()
    .enumerate()
    {
        let config = file(directory, &format!("bad-{number}.toml"), line)?;
        ensure!(
            !run(said, node, &["list", "--config", &config], &[]).await?,
            "{line} was taken"
        );
        let options = file(directory, &format!("bad-{number}.cnf"), &format!("[client\n{line}\n"))?;
        ensure!(
            !run(said, node, &["list", "--defaults-file", &options], &[]).await?,
            "{line} was taken"
        );
    }
    Ok(())
}

/// An agent whose server dies, and comes back with another password for the account.
async fn lose_the_server(said: &mut Said, cluster: &Cluster, config: &str) -> Result<()> {
    let node = cluster.primary();
    let log = file(Path::new(config).parent().context("no directory")?, "agent.log", "")?;
    let mut agent = command(node, &["agent", "--config", config], &[])?;
    let mut agent = agent
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log)?)
        .spawn()?;
    let wait_for = async |text: &str| {
        eventually(text, PATIENCE, || async {
            ensure!(std::fs::read_to_string(&log)?.contains(text), "it is not in {log}");
            Ok(())
        })
        .await
    };
    said.hear("the agent's command line", command_line(agent.id())?);
    node.kill9();
    wait_for("no primary").await?;
    node.start().await?;
    node.execute("ALTER USER secretive IDENTIFIED BY 'another'").await?;
    node.execute("FLUSH PRIVILEGES").await?;
    node.restart().await?;
    wait_for("Access denied").await?;
    agent.kill().await?;
    said.hear("the agent", std::fs::read(&log)?);
    Ok(())
}

type Environment<'a> = &'a [(&'a str, &'a str)];

#[tokio::test]
async fn a_password_is_told_to_nobody() -> Result<()> {
    let cluster = single_server().await?;
    let node = cluster.primary();
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/e2e/secrets");
    std::fs::create_dir_all(&directory)?;
    crate::privileges::create_account(node, "secretive", None).await?;
    // This one statement has the password, and MySQL keeps it out of its logs.
    node.execute(&format!("ALTER USER secretive IDENTIFIED BY '{PASSWORD}'"))
        .await?;
    node.execute("SET GLOBAL log_output = 'TABLE'").await?;
    node.execute("SET GLOBAL general_log = ON").await?;
    let mut said = Said::default();

    let config = file(&directory, "outlast.toml", &format!("password = '{PASSWORD}'\n"))?;
    let options = file(
        &directory,
        "client.cnf",
        &format!("[client]\npassword = \"{PASSWORD}\"\n"),
    )?;
    let ways: [(&[&str], Environment<'_>); 4] = [
        (&["--password", PASSWORD], &[]),
        (&[], &[("OUTLAST_PASSWORD", PASSWORD)]),
        (&["--config", &config], &[]),
        (&["--defaults-file", &options], &[]),
    ];
    for (number, (arguments, environment)) in ways.into_iter().enumerate() {
        let statement = format!("ALTER TABLE test.good ADD COLUMN way_{number} INT");
        let copies = [&["run", &statement, "--no-instant"][..], arguments].concat();
        ensure!(run(&mut said, node, &copies, environment).await?, "{copies:?} failed");
        for asks in [&["list"][..], &["help", "run"]] {
            ensure!(run(&mut said, node, &[asks, arguments].concat(), environment).await? || asks[0] == "help");
        }
    }
    provoke(&mut said, node, &directory).await?;
    hear_tables(&mut said, node).await?;
    lose_the_server(&mut said, &cluster, &config).await?;
    hear_files(&mut said, node)?;
    let heard: usize = said.0.iter().map(|(_, what)| what.len()).sum();
    println!("{} sources said {heard} bytes", said.0.len());
    said.expect_secrecy()
}

//! One MySQL server on 127.0.0.1.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use mysql_async::prelude::{FromRow, Queryable};
use mysql_async::{Conn, Opts, OptsBuilder};
use rustix::process::Signal;
use tokio::time::{Instant, sleep, timeout};

use crate::accounts::{OUTLAST_PASSWORD, OUTLAST_USER, ROOT_USER};
use crate::disk::{self, Mount, SmallDisk};
use crate::distribution::Distribution;
use crate::port::ReservedPort;
use crate::process::ChildProcess;

const DATA: &str = "data";
/// For binlogs that lie on another disk than the data; empty otherwise.
const BINLOGS: &str = "binlogs";
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(60);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How a node is started, beside what all nodes have in common.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExtraArguments {
    pub(crate) always: Vec<String>,
    pub(crate) as_primary: Vec<String>,
    /// The port that the server tells others, if that isn't its own.
    pub(crate) reported_port: Option<u16>,
}

/// What the nodes of a cluster are made of.
#[derive(Debug, Clone)]
pub(crate) struct Make {
    pub(crate) parent: PathBuf,
    pub(crate) distribution: Arc<Distribution>,
    pub(crate) small_disk: Option<SmallDisk>,
}

/// One `mysqld` with a port, a data directory, an error log and a server id of its own.
///
/// All methods take `&self`, so that a test can kill a node while another task uses it. The process is killed when the
/// node is dropped.
#[derive(Debug)]
pub struct Node {
    index: usize,
    port: ReservedPort,
    directory: PathBuf,
    distribution: Arc<Distribution>,
    arguments: ExtraArguments,
    boots_writable: AtomicBool,
    /// How often the data was thrown away.
    rebuilds: AtomicUsize,
    process: Mutex<Option<ChildProcess>>,
    /// Declared after the process, so that it is unmounted when that is gone.
    disk: Option<Mount>,
}

impl Node {
    /// Makes the node's data directory; doesn't start it. Blocks.
    pub(crate) fn create(index: usize, make: &Make, port: ReservedPort, mut arguments: ExtraArguments) -> Result<Self> {
        let directory = make.parent.join(format!("node{index}"));
        for name in [DATA, BINLOGS] {
            let path = directory.join(name);
            fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
        }
        let disk = match make.small_disk {
            None => None,
            Some(small) => {
                let binlogs = directory.join(BINLOGS);
                arguments.always.push(format!("--log-bin={}/binlog", binlogs.display()));
                let place = match small {
                    SmallDisk::Binlogs => binlogs,
                    SmallDisk::Data => directory.join(DATA),
                };
                Some(Mount::new(&place, small.megabytes())?)
            }
        };
        make.distribution.create_data_directory(&directory.join(DATA))?;
        Ok(Self {
            distribution: Arc::clone(&make.distribution),
            disk,
            index,
            port,
            directory,
            arguments,
            boots_writable: AtomicBool::new(false),
            rebuilds: AtomicUsize::new(0),
            process: Mutex::new(None),
        })
    }

    /// The node's place in [`Cluster::nodes`](crate::Cluster::nodes), from 0; its `server_id` is one more, until it is rebuilt.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The TCP port on 127.0.0.1; the node keeps it as long as it exists, running or not.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// `mysql://user:password@127.0.0.1:PORT` of the account meant for Outlast.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mysql://{OUTLAST_USER}:{OUTLAST_PASSWORD}@{}", self.address())
    }

    /// The data directory.
    #[must_use]
    pub fn data_directory(&self) -> PathBuf {
        self.directory.join(DATA)
    }

    /// The server's error log.
    #[must_use]
    pub fn error_log(&self) -> PathBuf {
        self.directory.join("error.log")
    }

    /// The port that the server tells others.
    pub(crate) fn reported_port(&self) -> u16 {
        self.arguments.reported_port.unwrap_or_else(|| self.port())
    }

    /// Takes all the space that is left on its small disk.
    ///
    /// # Errors
    ///
    /// When it has none ([`ClusterBuilder::small_disk`](crate::ClusterBuilder::small_disk)).
    pub fn fill_disk(&self) -> Result<()> {
        self.disk.as_ref().context("the node has no small disk")?.fill()
    }

    /// Gives back what [`fill_disk`](Self::fill_disk) took.
    ///
    /// # Errors
    ///
    /// When it has none.
    pub fn free_disk(&self) -> Result<()> {
        self.disk.as_ref().context("the node has no small disk")?.free()
    }

    /// Starts the server and waits until it answers. Does nothing if it runs.
    ///
    /// # Errors
    ///
    /// When the server ends or doesn't answer within 60 s: with the last lines of its error log.
    pub async fn start(&self) -> Result<()> {
        if self.is_running() {
            return Ok(());
        }
        let child = ChildProcess::spawn(self.command()).with_context(|| format!("starting node {}", self.index))?;
        *self.process() = Some(child);
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let Err(refused) = self.connect().await else {
                return Ok(());
            };
            ensure!(
                self.is_running(),
                "node {} ended while starting:\n{}",
                self.index,
                self.error_log_tail()
            );
            if Instant::now() > deadline {
                return Err(refused).with_context(|| {
                    format!(
                        "node {} not up within {START_LIMIT:?}:\n{}",
                        self.index,
                        self.error_log_tail()
                    )
                });
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Shuts the server down cleanly (`SHUTDOWN`) and waits for its end. Does nothing if it doesn't run.
    ///
    /// # Errors
    ///
    /// When it can't be connected to, or hasn't ended after 60 s.
    pub async fn stop(&self) -> Result<()> {
        if !self.is_running() {
            return Ok(());
        }
        self.connect()
            .await?
            .query_drop("SHUTDOWN")
            .await
            .with_context(|| format!("shutting node {} down", self.index))?;
        let deadline = Instant::now() + STOP_LIMIT;
        while self.is_running() {
            ensure!(
                Instant::now() < deadline,
                "node {} still runs {STOP_LIMIT:?} after SHUTDOWN",
                self.index
            );
            sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Kills the server with SIGKILL, as if it crashed; it is gone when this returns. Works on a suspended one too.
    pub fn kill9(&self) {
        *self.process() = None;
    }

    /// Stops the server cleanly if it runs, and starts it again on the same data and port.
    ///
    /// A node that is the primary of its cluster comes back writable, any other comes back read-only.
    ///
    /// # Errors
    ///
    /// Those of [`stop`](Self::stop) and [`start`](Self::start).
    pub async fn restart(&self) -> Result<()> {
        self.stop().await?;
        self.start().await
    }

    /// Freezes the server (SIGSTOP): its connections stay open and nothing answers.
    ///
    /// # Errors
    ///
    /// When it doesn't run.
    pub fn suspend(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets a suspended server go on (SIGCONT).
    ///
    /// # Errors
    ///
    /// When it doesn't run.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Whether the server process exists, suspended or not.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let mut process = self.process();
        let running = process
            .as_mut()
            .is_some_and(|child| matches!(child.exit_status(), Ok(None)));
        if !running {
            *process = None;
        }
        running
    }

    /// The id of the server process, if it runs.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process().as_ref().map(ChildProcess::id)
    }

    /// Connection options for the account that may do everything.
    #[must_use]
    pub fn opts(&self) -> Opts {
        self.opts_of(ROOT_USER, "")
    }

    /// Connection options for another account.
    #[must_use]
    pub fn opts_of(&self, user: &str, password: &str) -> Opts {
        options("127.0.0.1", self.port(), user, password)
    }

    /// A new connection as root.
    ///
    /// # Errors
    ///
    /// When the server refuses it or doesn't answer within 5 s.
    pub async fn connect(&self) -> Result<Conn> {
        connect(self.opts())
            .await
            .with_context(|| format!("connecting to node {} at {}", self.index, self.address()))
    }

    /// Executes one statement on a connection of its own.
    ///
    /// # Errors
    ///
    /// When connecting or the statement fails.
    pub async fn execute(&self, sql: &str) -> Result<()> {
        let mut conn = self.connect().await?;
        conn.query_drop(sql)
            .await
            .with_context(|| format!("node {}: {sql}", self.index))?;
        hang_up(conn).await;
        Ok(())
    }

    /// All rows of a query, on a connection of its own.
    ///
    /// # Errors
    ///
    /// When connecting or the query fails.
    ///
    /// # Panics
    ///
    /// As `mysql_async` does, when a row isn't a `T`.
    pub async fn query<T: FromRow + Send + 'static>(&self, sql: &str) -> Result<Vec<T>> {
        let mut conn = self.connect().await?;
        let rows = conn
            .query(sql)
            .await
            .with_context(|| format!("node {}: {sql}", self.index))?;
        hang_up(conn).await;
        Ok(rows)
    }

    /// The first row of a query, on a connection of its own.
    ///
    /// # Errors
    ///
    /// When connecting or the query fails, or it has no row.
    ///
    /// # Panics
    ///
    /// As `mysql_async` does, when the row isn't a `T`.
    pub async fn query_one<T: FromRow + Send + 'static>(&self, sql: &str) -> Result<T> {
        let rows = self.query(sql).await?;
        rows.into_iter()
            .next()
            .ok_or_else(|| anyhow!("node {}: no row: {sql}", self.index))
    }

    /// The server's `server_uuid`.
    ///
    /// # Errors
    ///
    /// When the server doesn't answer.
    pub async fn server_uuid(&self) -> Result<String> {
        self.query_one("SELECT @@server_uuid").await
    }

    /// The server's `gtid_executed`, on one line.
    ///
    /// # Errors
    ///
    /// When the server doesn't answer.
    pub async fn gtid_executed(&self) -> Result<String> {
        let set: String = self.query_one("SELECT @@GLOBAL.gtid_executed").await?;
        Ok(set.replace('\n', ""))
    }

    /// Waits until the server has executed all of `gtids`.
    ///
    /// # Errors
    ///
    /// When it hasn't within `limit` (whole seconds, at least one), or doesn't answer.
    pub async fn wait_for_gtids(&self, gtids: &str, limit: Duration) -> Result<()> {
        let seconds = limit.as_secs().max(1);
        let missed: u8 = self
            .query_one(&format!(
                "SELECT WAIT_FOR_EXECUTED_GTID_SET('{}', {seconds})",
                gtids.replace('\n', "")
            ))
            .await?;
        ensure!(
            missed == 0,
            "node {} has not executed {gtids} after {seconds} s",
            self.index
        );
        Ok(())
    }

    /// The last lines of the error log, for messages.
    #[must_use]
    pub fn error_log_tail(&self) -> String {
        let text = fs::read_to_string(self.error_log()).unwrap_or_else(|error| format!("(no error log: {error})"));
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Whether the next start leaves the server writable, as a primary, or read-only.
    pub(crate) fn set_boots_writable(&self, writable: bool) {
        self.boots_writable.store(writable, Ordering::SeqCst);
    }

    /// Kills the server and throws its data away: the next start is that of a new server. Blocks.
    pub(crate) fn wipe(&self) -> Result<()> {
        self.kill9();
        self.rebuilds.fetch_add(1, Ordering::SeqCst);
        self.disk.as_ref().map_or(Ok(()), Mount::free)?;
        for name in [DATA, BINLOGS] {
            disk::empty(&self.directory.join(name))?;
        }
        self.distribution.create_data_directory(&self.data_directory())
    }

    /// Another one after each rebuild: a server skips events that carry its own id, even if it lost them.
    fn server_id(&self) -> usize {
        self.index + 1 + 1000 * self.rebuilds.load(Ordering::SeqCst)
    }

    fn command(&self) -> std::process::Command {
        let mut command = self.distribution.mysqld();
        let directory = self.directory.display();
        let port = self.port();
        let writable = self.boots_writable.load(Ordering::SeqCst);
        command.args([
            format!("--datadir={directory}/data"),
            format!("--log-error={directory}/error.log"),
            format!("--pid-file={directory}/pid"),
            // Unix sockets have short path limits, and nobody needs one here.
            "--socket=".to_owned(),
            format!("--port={port}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--skip-name-resolve".to_owned(),
            "--mysqlx=OFF".to_owned(),
            format!("--server-id={}", self.server_id()),
            "--report-host=127.0.0.1".to_owned(),
            format!("--report-port={}", self.reported_port()),
            "--gtid-mode=ON".to_owned(),
            "--enforce-gtid-consistency=ON".to_owned(),
            "--log-bin=binlog".to_owned(),
            "--log-replica-updates=ON".to_owned(),
            "--relay-log=relay".to_owned(),
            "--relay-log-recovery=ON".to_owned(),
            "--replica-parallel-workers=4".to_owned(),
            "--secure-file-priv=".to_owned(),
            "--max-connections=500".to_owned(),
            "--innodb-buffer-pool-size=128M".to_owned(),
            "--innodb-buffer-pool-load-at-startup=OFF".to_owned(),
            "--innodb-buffer-pool-dump-at-shutdown=OFF".to_owned(),
            format!("--super-read-only={}", if writable { "OFF" } else { "ON" }),
        ]);
        command.args(&self.arguments.always);
        if writable {
            command.args(&self.arguments.as_primary);
        }
        command
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        match self.process().as_ref() {
            Some(child) => child.signal(signal),
            None => bail!("node {} doesn't run", self.index),
        }
    }

    fn process(&self) -> MutexGuard<'_, Option<ChildProcess>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connection options for a server on this machine, that never switch to a socket file by themselves.
pub(crate) fn options(host: &str, port: u16, user: &str, password: &str) -> Opts {
    OptsBuilder::default()
        .ip_or_hostname(host)
        .tcp_port(port)
        .user(Some(user))
        .pass(Some(password))
        .prefer_socket(false)
        .into()
}

/// A connection, or an error after 5 s: a suspended server accepts and never says anything.
pub(crate) async fn connect(opts: Opts) -> Result<Conn> {
    let conn = timeout(CONNECT_LIMIT, Conn::new(opts))
        .await
        .map_err(|_| anyhow!("no answer within {CONNECT_LIMIT:?}"))?;
    Ok(conn?)
}

/// Ends a connection in good order. If that fails the connection is gone all the same.
pub(crate) async fn hang_up(conn: Conn) {
    let _ = conn.disconnect().await;
}

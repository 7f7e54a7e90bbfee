//! Embeds the agent with a topology of one's own: a file names the primary, as a configuration management tool, a consul
//! template or a failover script would write it. Scheduler, stream and checkpoints are those of MySQL; policies are the
//! native ones, so that there is no WebAssembly in this program.
//!
//! ```sh
//! echo db1:3306 > primary
//! cargo run -p outlast-examples --example own_topology -- \
//!     --primary-file primary --user outlast "ALTER TABLE shop.orders ADD COLUMN note TEXT"
//! ```
//!
//! With a statement it runs that migration and ends; without one it is an agent until it is interrupted. Replace the file
//! (by renaming another over it) when the primary changes: the migration goes on there.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use clap::Parser;
use outlast_checkpoint_mysql::MySqlCheckpoints;
use outlast_core::{
    Agent, AgentId, CheckpointStore, Error, ErrorKind, GtidSet, MigrationId, Server, Status, SystemClock, Topology,
    agent::{NativePolicies, Parts},
    engine::{Services, Settings},
    policy::Policies,
    scheduler::{Options, Submission},
    stream::Examination,
    throttle::AtEase,
    topology::{ServerState, Sight},
};
use outlast_mysql::{Connector, Purpose, Session, SessionPools};
use outlast_scheduler_mysql::MySqlScheduler;
use outlast_stream_mysql::MySqlStream;
use tokio_util::sync::CancellationToken;

/// The primary is the server that the file names, if that server takes writes.
struct PrimaryFile {
    path: PathBuf,
    connector: Connector,
    sessions: SessionPools,
}

impl PrimaryFile {
    fn new(path: PathBuf, connector: Connector) -> Self {
        Self {
            path,
            sessions: SessionPools::new(connector.clone()),
            connector,
        }
    }

    /// Asks whatever server is at the address now; a remembered session would stay with a remembered server.
    async fn ask(&self, address: &str) -> outlast_core::Result<(Server, bool)> {
        let (mut session, uuid) = self.connector.connect_address(address, &Purpose::default()).await?;
        let server = Server {
            uuid,
            address: address.to_owned(),
        };
        Ok((server, takes_writes(&mut session).await?))
    }
}

async fn takes_writes(session: &mut Session) -> outlast_core::Result<bool> {
    session
        .value("SELECT NOT (@@GLOBAL.read_only OR @@GLOBAL.super_read_only OR @@GLOBAL.offline_mode)")
        .await
}

fn no_primary(reason: impl Into<String>) -> outlast_core::Result<Sight> {
    let reason = reason.into();
    Ok(Sight::NoPrimary { reason })
}

#[async_trait]
impl Topology for PrimaryFile {
    async fn observe(&self) -> outlast_core::Result<Sight> {
        let path = self.path.display();
        let address = match tokio::fs::read_to_string(&self.path).await {
            Ok(text) => text.trim().to_owned(),
            Err(error) => return no_primary(format!("{path} can't be read: {error}")),
        };
        if address.is_empty() {
            return no_primary(format!("{path} names no server"));
        }
        // A frozen server must not freeze the agent.
        match tokio::time::timeout(Duration::from_secs(2), self.ask(&address)).await {
            Err(_) => no_primary(format!("{address} does not answer")),
            Ok(Ok((server, true))) => Ok(Sight::Primary(server)),
            Ok(Ok((server, false))) => no_primary(format!("{server} takes no writes")),
            // Waiting mends neither a wrong password nor a server that can't be used: those are errors.
            Ok(Err(error)) if matches!(error.kind(), ErrorKind::AccessDenied | ErrorKind::Refused) => Err(error),
            Ok(Err(error)) => no_primary(error.to_string()),
        }
    }

    /// What an adoption must know comes from the server itself, whoever names it.
    async fn inspect(&self, server: &Server) -> outlast_core::Result<ServerState> {
        let mut session = self.sessions.session(server).await?;
        let writable = takes_writes(&mut session).await?;
        // What was received is read before what was executed, so that nothing is missed in between.
        let channels: Vec<(String, String)> = session
            .rows("SELECT CHANNEL_NAME, RECEIVED_TRANSACTION_SET FROM performance_schema.replication_connection_status")
            .await?;
        let (executed, purged): (String, String) = session
            .value("SELECT @@GLOBAL.gtid_executed, @@GLOBAL.gtid_purged")
            .await?;
        session.give_back();
        let executed = gtids(&executed)?;
        let mut unapplied = Vec::new();
        for (channel, received) in channels {
            let missing = gtids(&received)?.minus(&executed);
            if !missing.is_empty() {
                unapplied.push((channel, missing));
            }
        }
        Ok(ServerState {
            writable,
            executed,
            purged: gtids(&purged)?,
            unapplied,
            // A file names one server: no group.
            // For policies that discount it; the default ones do not.
            binlog_end: String::new(),
            clock_skew_ms: 0,
        })
    }
}

fn gtids(text: &str) -> outlast_core::Result<GtidSet> {
    text.parse()
        .map_err(|e| Error::new(ErrorKind::Inconsistent, "a GTID set can't be read").with_source(e))
}

/// Runs migrations on the server that a file names.
#[derive(Parser)]
struct Arguments {
    /// File that holds the primary's address, HOST:PORT.
    #[arg(long)]
    primary_file: PathBuf,
    /// MySQL user.
    #[arg(long)]
    user: String,
    /// Its password.
    #[arg(long, env = "OUTLAST_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Milliseconds to pause between two chunks: time to change the primary and watch.
    #[arg(long, default_value_t = 0)]
    chunk_pause_ms: u64,
    /// A migration to run, as in "ALTER TABLE shop.orders ADD COLUMN note TEXT".
    statement: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let connector = Connector::new(&arguments.user, arguments.password.clone());
    let checkpoints: Arc<dyn CheckpointStore> = Arc::new(MySqlCheckpoints::new(connector.clone()));
    let parts = Parts {
        topology: Arc::new(PrimaryFile::new(arguments.primary_file.clone(), connector.clone())),
        services: Services {
            stream: Arc::new(MySqlStream::new(connector.clone(), Arc::clone(&checkpoints))),
            scheduler: Arc::new(MySqlScheduler::new(connector)),
            clock: SystemClock::shared(),
            gauge: Arc::new(AtEase),
            settings: Settings::default(),
        },
        checkpoints,
        policies: Policies::native_defaults(),
        loader: Arc::new(NativePolicies),
    };
    let stop = stop_on_interrupt();
    let name = AgentId::new(format!("own_topology/{}", std::process::id()));
    let Some(statement) = &arguments.statement else {
        Agent::new(parts, name).run(stop).await;
        return Ok(());
    };

    let topology = Arc::clone(&parts.topology);
    let scheduler = Arc::clone(&parts.services.scheduler);
    let id = submit(&parts, statement, arguments.chunk_pause_ms).await?;
    println!("migration {id}");
    Agent::new(parts, name).only(id.clone()).run(stop).await;

    let primary = primary(&*topology).await?;
    let ended = scheduler.get(&primary, &id).await?;
    println!(
        "{} on {primary}: {} failovers {}",
        ended.status, ended.failovers, ended.message
    );
    match ended.status {
        Status::Complete => Ok(()),
        status => bail!("the migration is {status}; any agent goes on with it"),
    }
}

async fn primary(topology: &dyn Topology) -> Result<Server> {
    match topology.observe().await? {
        Sight::Primary(primary) => Ok(primary),
        Sight::NoPrimary { reason } => bail!("no primary: {reason}"),
        Sight::SplitBrain(servers) => bail!("several primaries: {servers:?}"),
    }
}

/// Examines the statement and stores it as a queued migration.
async fn submit(parts: &Parts, statement: &str, chunk_pause_ms: u64) -> Result<MigrationId> {
    let services = &parts.services;
    let primary = primary(&*parts.topology).await?;
    let examination = Examination {
        // This example is about a copy.
        allow_direct: false,
        ..Examination::of(statement, None)
    };
    let examined = services.stream.examine(&primary, &examination).await?;
    let id = MigrationId::from_random(services.clock.random());
    services.scheduler.install(&primary).await?;
    parts.checkpoints.install(&primary).await?;
    let submission = Submission {
        id: id.clone(),
        statement: statement.to_owned(),
        schema: examined.schema,
        table: examined.table,
        options: Options {
            chunk_pause_ms,
            no_instant: true,
            ..Options::default()
        },
        components: Vec::new(),
    };
    let submitted = services.scheduler.submit(&primary, &submission).await;
    submitted.context("the migration was not accepted")?;
    Ok(id)
}

fn stop_on_interrupt() -> CancellationToken {
    let stop = CancellationToken::new();
    let cancelled = stop.clone();
    tokio::spawn(async move {
        // Without a signal handler there is nothing to wait for, and the process ends the usual way.
        if tokio::signal::ctrl_c().await.is_ok() {
            cancelled.cancel();
        }
    });
    stop
}

//! The cluster a command works on: how it is reached, and the backends for it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use outlast_checkpoint_mysql::MySqlCheckpoints;
use outlast_core::{
    CheckpointStore, Error, ErrorKind, Migration, MigrationId, Scheduler, Server, Stream, SystemClock, Topology,
    agent::Parts,
    agent::adoption,
    engine::{Services, Settings},
    policy::Policies,
    throttle::Gauge,
    topology::Sight,
};
use outlast_mysql::{Connector, Purpose, Tls};
use outlast_scheduler_mysql::MySqlScheduler;
use outlast_stream_mysql::MySqlStream;
use outlast_topology_mysql::{MySqlGauge, MySqlTopology, SingleEndpoint};

use crate::{
    cli::Connection,
    config::{ClientDefaults, Config},
    exit::Failure,
    policies::Loader,
};

/// How long a command looks for a primary before it gives up.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a process that is told to stop may take to tidy up on its servers.
const LAST_DUTIES: Duration = Duration::from_secs(5);

/// A migration, and where it was read.
pub(crate) struct Found {
    pub(crate) migration: Migration,
    pub(crate) server: Server,
    /// What is to be said about the cluster; empty if all is well.
    pub(crate) situation: String,
}

/// Everything a command needs of a cluster.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) topology: Arc<dyn Topology>,
    pub(crate) scheduler: Arc<dyn Scheduler>,
    pub(crate) stream: Arc<dyn Stream>,
    pub(crate) checkpoints: Arc<dyn CheckpointStore>,
    gauge: Arc<dyn Gauge>,
    /// Schema of tables whose name has none.
    pub(crate) database: Option<String>,
    connector: Connector,
    servers: Vec<String>,
}

impl Cluster {
    /// Joins command line and environment, configuration file and option file (or else the user's own, for the account); the earlier counts.
    pub(crate) fn from_options(options: &Connection) -> Result<Self, Failure> {
        let config = match (&options.config, &options.cluster) {
            (Some(path), name) => Config::read(path, name.as_deref())?,
            (None, Some(_)) => return Err(Failure::usage("--cluster names one of a file; give that with --config")),
            (None, None) => Config::default(),
        };
        let secret = match &options.password {
            Some(password) => Some(password.clone()),
            None => config.secret()?,
        };
        let mut servers = match &options.host {
            Some(host) => vec![format!("{host}:{}", options.port)],
            None => options.servers.clone(),
        };
        servers.retain(|server| !server.is_empty());
        if options.cluster.is_some() && !servers.is_empty() {
            return Err(Failure::usage(
                "both --cluster and servers (--server, --host or OUTLAST_SERVER) are given, which may be different ones; leave one out",
            ));
        }
        let user = options.user.clone().or(config.user);
        let defaults = match options.defaults_file.as_ref().or(config.defaults_file.as_ref()) {
            Some(path) => ClientDefaults::read(path)?,
            None => ClientDefaults::of_user(user.as_deref()),
        };
        if servers.is_empty() {
            servers = config.servers;
        }
        if servers.is_empty() && options.cluster.is_none() {
            servers.extend(defaults.server());
        }
        if servers.is_empty() {
            return Err(Failure::usage(
                "no server is given; use --server HOST:PORT, OUTLAST_SERVER, --config or --defaults-file",
            ));
        }
        let user = user.or(defaults.user);
        let user = user.ok_or_else(|| {
            Failure::usage("no user is given; use --user, OUTLAST_USER, --config, --defaults-file or ~/.my.cnf")
        })?;
        let password = secret.or(defaults.password);
        let tls = match options.tls_ca.clone().or(config.tls_ca) {
            Some(authority) => Tls::Verified(authority),
            None if options.tls || config.tls == Some(true) => Tls::Required,
            None => Tls::Off,
        };
        let connector = Connector::new(user, password).with_tls(tls);
        let topology: Arc<dyn Topology> = match (
            options.single_endpoint || config.single_endpoint == Some(true),
            servers.as_slice(),
        ) {
            (false, _) => Arc::new(MySqlTopology::auto(connector.clone(), servers.clone())),
            (true, [address]) => Arc::new(SingleEndpoint::new(connector.clone(), address.clone())),
            (true, _) => return Err(Failure::usage("--single-endpoint goes with exactly one --server")),
        };
        let checkpoints: Arc<dyn CheckpointStore> = Arc::new(MySqlCheckpoints::new(connector.clone()));
        Ok(Self {
            topology,
            scheduler: Arc::new(MySqlScheduler::new(connector.clone())),
            stream: Arc::new(MySqlStream::new(connector.clone(), Arc::clone(&checkpoints))),
            checkpoints,
            gauge: Arc::new(MySqlGauge::new(connector.clone(), servers.clone())),
            database: options.database.clone().or(config.database),
            connector,
            servers,
        })
    }

    /// Waits for what is still to be done on its servers before this process ends.
    pub(crate) async fn finish(&self) {
        self.connector.finish(LAST_DUTIES).await;
    }

    /// What an agent on this cluster is made of.
    pub(crate) fn parts(&self, policies: Policies, liveness_interval: Duration) -> Parts {
        Parts {
            topology: Arc::clone(&self.topology),
            services: Services {
                stream: Arc::clone(&self.stream),
                scheduler: Arc::clone(&self.scheduler),
                gauge: Arc::clone(&self.gauge),
                clock: SystemClock::shared(),
                settings: Settings {
                    liveness_interval,
                    ..Settings::default()
                },
            },
            checkpoints: Arc::clone(&self.checkpoints),
            policies,
            loader: Arc::new(Loader),
        }
    }

    /// The primary. Waits a little for one, in case it is just being promoted.
    ///
    /// # Errors
    /// `NotPrimary` with what was seen of each server.
    pub(crate) async fn primary(&self) -> Result<Server, Error> {
        let begun = Instant::now();
        loop {
            let reason = match self.topology.observe().await? {
                Sight::Primary(primary) => return Ok(primary),
                Sight::NoPrimary { reason } => format!("no server of the cluster takes writes: {reason}"),
                Sight::SplitBrain(servers) => {
                    let names: Vec<String> = servers.into_iter().map(|s| s.address).collect();
                    return Err(Error::new(
                        ErrorKind::NotPrimary,
                        format!(
                            "split brain: {} take writes; make all but one read-only",
                            names.join(" and ")
                        ),
                    ));
                }
            };
            if begun.elapsed() > PATIENCE {
                return Err(Error::new(ErrorKind::NotPrimary, reason));
            }
            tokio::time::sleep(self.topology.probe_interval()).await;
        }
    }

    /// The primary, once nothing that it has received can overwrite what is written there.
    ///
    /// # Errors
    /// As [`Cluster::primary`]; `NotYet` if it takes too long to execute its relay log.
    pub(crate) async fn settled_primary(&self) -> Result<Server, Error> {
        let begun = Instant::now();
        loop {
            let primary = self.primary().await?;
            let state = self.topology.inspect(&primary).await?;
            match adoption::settled(&primary, &state) {
                Ok(()) => return Ok(primary),
                Err(error) if begun.elapsed() > PATIENCE => return Err(error),
                Err(_) => tokio::time::sleep(self.topology.probe_interval()).await,
            }
        }
    }

    /// Servers to read the state from, the best first: the primary, those of a split brain, or any that answers. With it,
    /// what is to be said about the cluster.
    pub(crate) async fn readable(&self) -> Result<(Vec<Server>, String), Error> {
        match self.topology.observe().await? {
            Sight::Primary(primary) => Ok((vec![primary], String::new())),
            Sight::SplitBrain(servers) => {
                let names: Vec<String> = servers.iter().map(|s| s.address.clone()).collect();
                let what = format!(
                    "split brain: {} take writes. A migration goes on where its epoch is highest; with equal epochs nothing \
                     is written until one server is left: make the others read-only",
                    names.join(" and ")
                );
                Ok((servers, what))
            }
            Sight::NoPrimary { reason } => {
                let mut servers = Vec::new();
                for address in &self.servers {
                    if let Ok((_, uuid)) = self.connector.connect_address(address, &Purpose::default()).await {
                        servers.push(Server {
                            uuid,
                            address: address.clone(),
                        });
                    }
                }
                match servers.is_empty() {
                    true => Err(Error::new(
                        ErrorKind::ServerGone,
                        format!("no server answers: {reason}"),
                    )),
                    false => Ok((servers, format!("no server takes writes: {reason}"))),
                }
            }
        }
    }

    /// All migrations, each as that server has it where its epoch is highest, with what is to be said about the cluster.
    pub(crate) async fn migrations(&self) -> Result<(Vec<Found>, String), Error> {
        let (servers, situation) = self.readable().await?;
        let mut best: Vec<Found> = Vec::new();
        for server in &servers {
            for migration in self.scheduler.list(server).await? {
                let found = Found {
                    migration,
                    server: server.clone(),
                    situation: situation.clone(),
                };
                match best.iter_mut().find(|m| m.migration.id == found.migration.id) {
                    None => best.push(found),
                    Some(known) if known.migration.epoch < found.migration.epoch => *known = found,
                    Some(_) => {}
                }
            }
        }
        Ok((best, situation))
    }

    /// The one migration whose id begins with `prefix`.
    pub(crate) async fn find(&self, prefix: &str) -> Result<Found, Error> {
        let (migrations, _) = self.migrations().await?;
        let mut matching: Vec<Found> = migrations
            .into_iter()
            .filter(|m| m.migration.id.as_str().starts_with(prefix) && !prefix.is_empty())
            .collect();
        match matching.len() {
            1 => {
                let mut found = matching.remove(0);
                if !found.situation.is_empty() {
                    // Servers may differ in what they know of it.
                    let server = &found.server.address;
                    found.situation = format!("{}. Shown is what {server} has", found.situation);
                }
                Ok(found)
            }
            0 => Err(Error::new(
                ErrorKind::BadRequest,
                format!("there is no migration {prefix:?} on this cluster; `outlast list` shows all"),
            )),
            n => Err(Error::new(
                ErrorKind::BadRequest,
                format!("{n} migrations begin with {prefix:?}; give more of the id"),
            )),
        }
    }

    /// As [`Cluster::find`], only its id.
    pub(crate) async fn find_id(&self, prefix: &str) -> Result<MigrationId, Error> {
        Ok(self.find(prefix).await?.migration.id)
    }
}

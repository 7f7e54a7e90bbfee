//! Asking all known servers at once.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use outlast_core::{Error, ErrorKind, Result};
use outlast_mysql::{Connector, Purpose, Session};

use crate::{
    probe::{Probe, address_of},
    verdict::Answer,
};

/// What a look waits for a server that answered the last time.
const PATIENCE: Duration = Duration::from_secs(1);
/// What it waits for one that did not, so that a frozen server hardly delays the verdict about the others.
const PATIENCE_WITH_THE_SILENT: Duration = Duration::from_millis(250);
/// Every so many looks a silent server is given the full time again: logging in to a far one may take longer.
const FULL_TIME_EVERY: u32 = 5;
/// How often a server is asked for its replicas, which takes a statement of its own.
const REPLICAS_EVERY: Duration = Duration::from_secs(5);
/// Looks at which further servers may be discovered, each from the one before.
const MOST_LOOKS: usize = 8;
/// Servers that are asked; more are not looked for.
const MAX_SERVERS: usize = 64;

/// The servers of a cluster as far as they are known, and a session on each that is reached.
///
/// Only addresses are remembered. Who is primary is asked each time.
pub(crate) struct Servers {
    connector: Connector,
    discovers: bool,
    known: Mutex<Vec<Known>>,
    /// Addresses that turned out to be other names of servers in `known`.
    aliases: Mutex<BTreeSet<String>>,
}

struct Known {
    address: String,
    /// Named by the user, not by another server.
    is_given: bool,
    idle: Option<Idle>,
    /// Looks in a row that it did not answer.
    silent: u32,
}

struct Idle {
    session: Session,
    replicas_asked: Option<Instant>,
}

impl Servers {
    /// Servers at `addresses`; others are discovered from them.
    pub(crate) fn discovering(connector: Connector, addresses: impl IntoIterator<Item = String>) -> Self {
        Self::new(connector, addresses, true)
    }

    /// Whatever is behind one address, connected to anew at each look: an old session would stay with an old server.
    pub(crate) fn behind(connector: Connector, address: String) -> Self {
        Self::new(connector, [address], false)
    }

    /// Asks the cluster anew, until no further server is discovered; those behind one address are, too.
    pub(crate) async fn find_all(&self) -> Vec<Answer> {
        Self::discovering(self.connector.clone(), self.addresses())
            .ask_all()
            .await
    }

    /// Addresses that are asked.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.known(|known| known.iter().map(|server| server.address.clone()).collect())
    }

    /// Whether the user has named this address.
    pub(crate) fn is_given(&self, address: &str) -> bool {
        self.entry(address, |server| server.is_given).unwrap_or(false)
    }

    /// How servers are reached.
    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }

    fn new(connector: Connector, addresses: impl IntoIterator<Item = String>, discovers: bool) -> Self {
        let servers = Self {
            connector,
            discovers,
            known: Mutex::default(),
            aliases: Mutex::default(),
        };
        for address in addresses {
            servers.learn(address, true);
        }
        servers
    }

    /// Asks all known servers at the same time, those first that the user named. Each server answers once, whatever the
    /// number of its names.
    ///
    /// What is discovered meanwhile is asked, too: a server that nobody has asked may be the primary.
    pub(crate) async fn ask_all(&self) -> Vec<Answer> {
        let mut answers = Vec::new();
        for _ in 0..MOST_LOOKS {
            let asked = self.addresses();
            answers = self.ask_known().await;
            if self.addresses().iter().all(|address| asked.contains(address)) {
                break;
            }
        }
        answers
    }

    async fn ask_known(&self) -> Vec<Answer> {
        let mut answers = join_all(self.addresses().into_iter().map(|address| self.ask(address))).await;
        let mut seen = BTreeSet::new();
        answers.retain(|answer| match &answer.result {
            Ok(probe) => {
                let is_new = seen.insert(probe.server.uuid.as_str().to_owned());
                if !is_new {
                    self.forget_alias(&answer.address);
                }
                is_new
            }
            Err(_) => true,
        });
        answers
    }

    async fn ask(&self, address: String) -> Answer {
        let (idle, silent) = self
            .entry(&address, |server| (server.idle.take(), server.silent))
            .unwrap_or_default();
        let patience = match silent % FULL_TIME_EVERY {
            0 => PATIENCE,
            _ => PATIENCE_WITH_THE_SILENT,
        };
        let asked = tokio::time::timeout(patience, self.probe(&address, idle)).await;
        let result = asked.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::ServerGone,
                format!("{address} does not answer within {patience:?}"),
            ))
        });
        let (result, idle) = match result {
            Ok((probe, idle)) => (Ok(probe), idle),
            Err(error) => (Err(error), None),
        };
        self.entry(&address, |server| {
            server.silent = if result.is_ok() {
                0
            } else {
                server.silent.saturating_add(1)
            };
            if idle.is_some() {
                server.idle = idle;
            }
        });
        Answer { address, result }
    }

    /// Asks on the idle session, or, if that fails, on a new one.
    async fn probe(&self, address: &str, idle: Option<Idle>) -> Result<(Probe, Option<Idle>)> {
        if let Some(mut idle) = idle
            && let Ok(probe) = Probe::of(&mut idle.session, address).await
        {
            self.discover(&mut idle, &probe).await;
            return Ok((probe, Some(idle)));
        }
        let (session, _) = self.connector.connect_address(address, &Purpose::default()).await?;
        let mut idle = Idle {
            session,
            replicas_asked: None,
        };
        let probe = Probe::of(&mut idle.session, address).await?;
        self.discover(&mut idle, &probe).await;
        Ok((probe, self.discovers.then_some(idle)))
    }

    /// Learns the addresses of other servers. What a server does not want to tell is done without.
    async fn discover(&self, idle: &mut Idle, probe: &Probe) {
        if !self.discovers {
            return;
        }
        for address in probe.neighbours() {
            self.learn(address, false);
        }
        if idle
            .replicas_asked
            .is_some_and(|asked| asked.elapsed() < REPLICAS_EVERY)
        {
            return;
        }
        idle.replicas_asked = Some(Instant::now());
        let replicas: Vec<mysql_async::Row> = match idle.session.rows("SHOW REPLICAS").await {
            Ok(replicas) => replicas,
            Err(error) => {
                tracing::debug!(server = %probe.server, %error, "its replicas can't be listed");
                return;
            }
        };
        for row in replicas {
            // Host and port are what the replica was started with as report_host and report_port.
            if let (Some(Ok(host)), Some(Ok(port))) = (row.get_opt::<String, _>("Host"), row.get_opt::<u64, _>("Port"))
                && let Some(address) = address_of(&host, port)
            {
                self.learn(address, false);
            }
        }
    }

    fn learn(&self, address: String, is_given: bool) {
        let is_alias = self
            .aliases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&address);
        self.known(|known| {
            if is_alias || known.len() >= MAX_SERVERS || known.iter().any(|server| server.address == address) {
                return;
            }
            if !is_given {
                tracing::info!(%address, "a server was discovered");
            }
            known.push(Known {
                address,
                is_given,
                idle: None,
                silent: 0,
            });
        });
    }

    /// An address that another server gave is not asked again if it is another name of a known one.
    fn forget_alias(&self, address: &str) {
        self.known(|known| {
            let Some(at) = known
                .iter()
                .position(|server| server.address == address && !server.is_given)
            else {
                return;
            };
            known.remove(at);
            let mut aliases = self.aliases.lock().unwrap_or_else(PoisonError::into_inner);
            if aliases.len() < MAX_SERVERS {
                aliases.insert(address.to_owned());
            }
        });
    }

    fn entry<T>(&self, address: &str, with: impl FnOnce(&mut Known) -> T) -> Option<T> {
        self.known(|known| known.iter_mut().find(|server| server.address == address).map(with))
    }

    fn known<T>(&self, with: impl FnOnce(&mut Vec<Known>) -> T) -> T {
        with(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

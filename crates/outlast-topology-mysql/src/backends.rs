//! The backends themselves.

use async_trait::async_trait;
use outlast_core::{
    Result, Server, Topology,
    check_up::{Check, Wanted},
    topology::{Finding, ServerState, Sight},
};
use outlast_mysql::{Connector, SessionPools};

use crate::{
    audit::audit,
    check_up::check_up,
    group::{by_election, is_member, why_not_primary},
    inspect::inspect,
    probe::Probe,
    servers::Servers,
    verdict::{Answer, by_writability, probes},
};

/// [`Topology`] of whatever cluster is behind the given addresses: the servers themselves say whether they belong to a
/// group, at each look.
///
/// The rest of the cluster is discovered: sources and replicas of every server that answers, and members of its group.
pub struct MySqlTopology {
    servers: Servers,
    sessions: SessionPools,
}

/// [`Topology`] of servers with asynchronous or semi-synchronous replication.
///
/// The primary is the one server that takes writes, whoever has made it so. A writable server that replicates from
/// another writable one is not counted. The rest of the cluster is discovered.
pub struct ProbedList {
    servers: Servers,
    sessions: SessionPools,
}

/// [`Topology`] of a group in single-primary mode: the primary is the member that the group has elected, as long as it
/// sees a majority. The rest of the group is discovered.
pub struct GroupReplication {
    servers: Servers,
    sessions: SessionPools,
}

/// [`Topology`] behind one address: VIP, DNS name or proxy. What answers there is the primary if it takes writes.
///
/// It is connected to anew at each look, because a session would stay with the server that it was opened on. Nothing is
/// discovered, but for an audit, which looks for the servers behind it.
pub struct SingleEndpoint {
    servers: Servers,
    sessions: SessionPools,
}

impl MySqlTopology {
    /// The cluster of the servers at these addresses (`host:port`).
    pub fn auto(connector: Connector, addresses: impl IntoIterator<Item = String>) -> Self {
        Self {
            servers: Servers::discovering(connector.clone(), addresses),
            sessions: SessionPools::new(connector),
        }
    }
}

impl ProbedList {
    /// The cluster of the servers at these addresses (`host:port`).
    pub fn new(connector: Connector, addresses: impl IntoIterator<Item = String>) -> Self {
        Self {
            servers: Servers::discovering(connector.clone(), addresses),
            sessions: SessionPools::new(connector),
        }
    }
}

impl GroupReplication {
    /// The group of the members at these addresses (`host:port`).
    pub fn new(connector: Connector, addresses: impl IntoIterator<Item = String>) -> Self {
        Self {
            servers: Servers::discovering(connector.clone(), addresses),
            sessions: SessionPools::new(connector),
        }
    }
}

impl SingleEndpoint {
    /// Whatever answers at this address (`host:port`).
    pub fn new(connector: Connector, address: String) -> Self {
        Self {
            servers: Servers::behind(connector.clone(), address),
            sessions: SessionPools::new(connector),
        }
    }
}

/// By the group's rule if any server belongs to one. A server of the cluster that doesn't is no primary then.
fn by_what_they_are(answers: Vec<Answer>) -> Result<Sight> {
    if probes(&answers).any(is_member) {
        by_election(answers)
    } else {
        by_writability(answers)
    }
}

/// The same rules for one server.
fn is_writable(probe: &Probe) -> bool {
    probe.refuses_writes().is_none()
}

fn is_elected(probe: &Probe) -> bool {
    why_not_primary(probe).is_none()
}

fn takes_writes_as_it_is(probe: &Probe) -> bool {
    if is_member(probe) {
        is_elected(probe)
    } else {
        is_writable(probe)
    }
}

async fn state_of(sessions: &SessionPools, server: &Server, takes_writes: fn(&Probe) -> bool) -> Result<ServerState> {
    let mut session = sessions.session(server).await?;
    let state = inspect(&mut session, server, takes_writes).await?;
    session.give_back();
    Ok(state)
}

#[async_trait]
impl Topology for MySqlTopology {
    async fn observe(&self) -> Result<Sight> {
        by_what_they_are(self.servers.ask_all().await)
    }

    async fn inspect(&self, server: &Server) -> Result<ServerState> {
        state_of(&self.sessions, server, takes_writes_as_it_is).await
    }

    async fn audit(&self, schema: &str, table: &str) -> Result<Vec<Finding>> {
        Ok(audit(&self.servers, schema, table).await)
    }

    async fn check_up(&self, wanted: &Wanted) -> Result<(Vec<Server>, Vec<Check>)> {
        Ok(check_up(&self.servers, self.observe().await, wanted).await)
    }
}

#[async_trait]
impl Topology for ProbedList {
    async fn observe(&self) -> Result<Sight> {
        by_writability(self.servers.ask_all().await)
    }

    async fn inspect(&self, server: &Server) -> Result<ServerState> {
        state_of(&self.sessions, server, is_writable).await
    }

    async fn audit(&self, schema: &str, table: &str) -> Result<Vec<Finding>> {
        Ok(audit(&self.servers, schema, table).await)
    }

    async fn check_up(&self, wanted: &Wanted) -> Result<(Vec<Server>, Vec<Check>)> {
        Ok(check_up(&self.servers, self.observe().await, wanted).await)
    }
}

#[async_trait]
impl Topology for GroupReplication {
    async fn observe(&self) -> Result<Sight> {
        by_election(self.servers.ask_all().await)
    }

    async fn inspect(&self, server: &Server) -> Result<ServerState> {
        state_of(&self.sessions, server, is_elected).await
    }

    async fn audit(&self, schema: &str, table: &str) -> Result<Vec<Finding>> {
        Ok(audit(&self.servers, schema, table).await)
    }

    async fn check_up(&self, wanted: &Wanted) -> Result<(Vec<Server>, Vec<Check>)> {
        Ok(check_up(&self.servers, self.observe().await, wanted).await)
    }
}

#[async_trait]
impl Topology for SingleEndpoint {
    async fn observe(&self) -> Result<Sight> {
        by_what_they_are(self.servers.ask_all().await)
    }

    async fn inspect(&self, server: &Server) -> Result<ServerState> {
        state_of(&self.sessions, server, takes_writes_as_it_is).await
    }

    async fn audit(&self, schema: &str, table: &str) -> Result<Vec<Finding>> {
        Ok(audit(&self.servers, schema, table).await)
    }

    async fn check_up(&self, wanted: &Wanted) -> Result<(Vec<Server>, Vec<Check>)> {
        Ok(check_up(&self.servers, self.observe().await, wanted).await)
    }
}

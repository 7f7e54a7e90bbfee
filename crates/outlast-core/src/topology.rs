//! Who is primary: contract of every topology backend.

use std::time::Duration;

use async_trait::async_trait;

use crate::{error::Result, gtid::GtidSet, ids::Server};

/// What a topology sees at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// One server takes writes.
    Primary(Server),
    /// None does. Says why, server by server, for people.
    NoPrimary {
        /// For people.
        reason: String,
    },
    /// Several servers take writes and none of them replicates from another. Per migration, the one whose epoch is
    /// higher goes on; with equal epochs nobody writes (invariant I7).
    SplitBrain(Vec<Server>),
}

/// What adoption must know about a server, read from it at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerState {
    /// Whether it takes writes (`read_only` and `super_read_only` are off, and it is its group's primary where there is one).
    pub writable: bool,
    /// `@@gtid_executed`.
    pub executed: GtidSet,
    /// `@@gtid_purged`.
    pub purged: GtidSet,
    /// Replication channels that have received transactions which are not executed, as (channel, missing).
    pub unapplied: Vec<(String, GtidSet)>,
    /// Its UTC clock minus this machine's, in milliseconds.
    pub clock_skew_ms: i64,
}

/// Finds the primary, by whatever means a cluster has.
///
/// * `observe` never trusts memory: it asks the servers each time, all at once, and gives each a bounded time.
/// * A primary is reported with the uuid it had when it was asked. A topology behind one address reports a new uuid as
///   soon as it sees one.
/// * Observing has no effect on the servers. It may be called as often as wanted; concurrent calls are fine.
/// * Unreachable servers are no error: they are what a topology is for.
#[async_trait]
pub trait Topology: Send + Sync {
    /// Looks at the cluster now.
    ///
    /// # Errors
    /// `AccessDenied` (wrong password, missing privilege) and `Refused` (no GTID, not MySQL): what no waiting mends.
    async fn observe(&self) -> Result<Sight>;

    /// The state of one server, read now, its uuid verified.
    ///
    /// # Errors
    /// `ServerGone` if it can't be reached; `Fenced` if the address answers with another uuid.
    async fn inspect(&self, server: &Server) -> Result<ServerState>;

    /// How long to wait between two looks while no primary is known. Default: 200 ms.
    fn probe_interval(&self) -> Duration {
        Duration::from_millis(200)
    }
}

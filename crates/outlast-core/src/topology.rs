//! Who is primary: contract of every topology backend.

use std::time::Duration;

use async_trait::async_trait;

use crate::{
    check_up::{Check, Wanted},
    error::Result,
    gtid::GtidSet,
    ids::Server,
};

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
    /// Up to where its binlog is written, as `binlog.000042:1563886` (bytes); empty where that is not known.
    pub binlog_end: String,
    /// Its UTC clock minus this machine's, in milliseconds.
    pub clock_skew_ms: i64,
}

/// Whether the first of these two ends of a server's binlogs ([`ServerState::binlog_end`]) lies before the other, as only where they
/// began anew since. Of ends that are not known, or are of binlogs of different names, nothing is said.
pub fn is_before(now: &str, before: &str) -> bool {
    let read = |end: &str| {
        let (file, position) = end.rsplit_once(':')?;
        let (base, number) = file.rsplit_once('.')?;
        let (number, position): (u64, u64) = (number.parse().ok()?, position.parse().ok()?);
        Some((base.to_owned(), (number, position)))
    };
    let Some(((base, now), (base_before, before))) = read(now).zip(read(before)) else {
        return false;
    };
    base == base_before && now < before
}

/// What a server has, or how it is set up, that bears on a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What follows from it.
    pub severity: Severity,
    /// Which server, what is wrong with it, what that would mean for the data, and what mends it; in one line.
    pub message: String,
}

/// What follows from a [`Finding`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// To be told to the user: something could not be checked, or may cost something.
    Warning,
    /// The migration must not begin: this server, promoted later, would lack rows or the migration's state.
    Refusal,
}

impl Finding {
    /// A finding that forbids the migration.
    pub fn refusal(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Refusal,
            message: message.into(),
        }
    }

    /// A finding that the user is told.
    pub fn warning(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            message: message.into(),
        }
    }
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

    /// What on the servers of the cluster speaks against a migration of `schema`.`table`.
    ///
    /// Asked once, before a migration is stored. Every server that may become the primary is looked at, the primary
    /// itself too. One that can't be reached is no error and no refusal, but a warning that names it. No finding means
    /// that every server known was checked and is fit. Changes nothing on the servers.
    ///
    /// Default: one warning that nothing was checked.
    ///
    /// # Errors
    /// As [`Topology::observe`].
    async fn audit(&self, schema: &str, table: &str) -> Result<Vec<Finding>> {
        Ok(vec![Finding::warning(format!(
            "the servers of the cluster could not be checked for settings and replication filters that harm a migration of \
             {schema}.{table}: this topology has no such check"
        ))])
    }

    /// What there is to say about every server that may become the primary, for whoever asks before there is a migration: all that a
    /// failover needs of it. With them, the servers that were reached. Changes nothing on the servers.
    ///
    /// Default: one warning that nothing was checked.
    ///
    /// # Errors
    /// As [`Topology::observe`].
    async fn check_up(&self, wanted: &Wanted) -> Result<(Vec<Server>, Vec<Check>)> {
        let _ = wanted;
        let finding = Finding::warning("the servers could not be checked: this topology has no such check");
        Ok((Vec::new(), vec![Check::of("", "servers", Err(finding))]))
    }

    /// How long to wait between two looks at most while no primary is known; it is less at first. Default: 200 ms.
    fn probe_interval(&self) -> Duration {
        Duration::from_millis(200)
    }
}

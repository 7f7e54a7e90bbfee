//! The state of one server, as adoption must know it.

use std::time::{SystemTime, UNIX_EPOCH};

use outlast_core::{Error, ErrorKind, GtidSet, Result, Server, topology::ServerState};
use outlast_mysql::Session;

use crate::probe::Probe;

/// Reads the state. `takes_writes` is the topology's own rule.
///
/// Received sets are read before the executed one, so that nothing received at that time is missed. They are those of the
/// relay logs: a server that restarts with `relay_log_recovery=ON` has thrown them away, and its received sets are empty;
/// with `OFF` it reads them from the relay logs. A channel that was reset is gone, and so is its relay log.
///
/// In a group (seen on MySQL 9.7) the set of `group_replication_applier` holds what a member received from others at once,
/// and what it wrote itself only after all members have executed it. So on a primary, what is missing is the backlog of
/// its predecessor's transactions, never a transaction of its own in flight.
pub(crate) async fn inspect(
    session: &mut Session,
    server: &Server,
    takes_writes: fn(&Probe) -> bool,
) -> Result<ServerState> {
    let probe = Probe::of(session, &server.address).await?;
    let channels: Vec<(String, String)> = session
        .rows("SELECT CHANNEL_NAME, RECEIVED_TRANSACTION_SET FROM performance_schema.replication_connection_status")
        .await?;
    let (executed, purged): (String, String) = session
        .value("SELECT @@GLOBAL.gtid_executed, @@GLOBAL.gtid_purged")
        .await?;
    let executed: GtidSet = parsed(&executed)?;
    let mut unapplied = Vec::new();
    for (channel, received) in channels {
        let missing = parsed(&received)?.minus(&executed);
        if !missing.is_empty() {
            unapplied.push((channel, missing));
        }
    }
    Ok(ServerState {
        writable: takes_writes(&probe),
        executed,
        purged: parsed(&purged)?,
        unapplied,
        binlog_end: session.binlog_end().await?,
        clock_skew_ms: clock_skew_ms(session).await?,
    })
}

/// The server's UTC clock minus this machine's. The query's round trip is halved: its error is at most that half.
pub(crate) async fn clock_skew_ms(session: &mut Session) -> Result<i64> {
    let before = SystemTime::now();
    let server: i64 = session
        .value("SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6))")
        .await?;
    let after = SystemTime::now();
    let micros = |time: SystemTime| {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    };
    let here = micros(before) / 2 + micros(after) / 2;
    Ok((server - here) / 1000)
}

/// A GTID set as the server writes it.
///
/// # Errors
/// `Inconsistent`.
pub(crate) fn parsed(text: &str) -> Result<GtidSet> {
    text.parse().map_err(|error| {
        let what = "a GTID set of the server can't be read; nothing was written";
        Error::new(ErrorKind::Inconsistent, what).with_source(error)
    })
}

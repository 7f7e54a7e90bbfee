//! One server of the cluster.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use crate::{
    error::{Error, ErrorKind, Result},
    gtid::{Gtid, GtidSet},
    ids::{Server, ServerUuid},
};

use super::{
    data::{Data, TableName},
    log::{Effect, Logged},
};

/// How long a session may hold table locks without saying anything (its `wait_timeout`).
const LOCK_IDLE: Duration = Duration::from_secs(3);

/// LOCK TABLES by one session.
#[derive(Debug)]
pub(super) struct TableLock {
    pub(super) session: u64,
    pub(super) tables: Vec<TableName>,
    /// When its session last said something.
    pub(super) used: Duration,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) server: Server,
    pub(super) alive: bool,
    /// Grows whenever all sessions end.
    pub(super) life: u64,
    pub(super) writable: bool,
    /// The server it replicates from.
    pub(super) replicates_from: Option<ServerUuid>,
    /// Its UTC clock minus the machine's.
    pub(super) ahead: Duration,
    /// Why it must not become the primary of a migration.
    pub(super) unfit: Option<String>,
    pub(super) log: Vec<Arc<Logged>>,
    /// Number of transactions in the log that are visible.
    pub(super) visible: usize,
    /// Number of transactions that the binlog no longer holds.
    pub(super) purged: usize,
    /// Received, not in the log yet.
    pub(super) relay: VecDeque<Arc<Logged>>,
    pub(super) executed: GtidSet,
    pub(super) data: Data,
    pub(super) locks: Vec<TableLock>,
    issued: u64,
}

impl Node {
    pub(super) fn new(server: Server) -> Self {
        Self {
            server,
            alive: true,
            life: 0,
            writable: false,
            replicates_from: None,
            ahead: Duration::ZERO,
            unfit: None,
            log: Vec::new(),
            visible: 0,
            purged: 0,
            relay: VecDeque::new(),
            executed: GtidSet::new(),
            data: Data::default(),
            locks: Vec::new(),
            issued: 0,
        }
    }

    /// Differs after everything that somebody may wait for.
    pub(super) fn progress(&self) -> impl PartialEq + use<> {
        let transactions = (self.log.len(), self.visible, self.purged, self.relay.len());
        (transactions, self.alive, self.life, self.writable, self.locks.len())
    }

    /// Writes a transaction of this server's own to the log. It is in the binlog then, and not yet visible.
    pub(super) fn append(&mut self, effect: Effect) -> Gtid {
        self.issued += 1;
        let gtid = Gtid::new(self.server.uuid.as_str(), self.issued);
        self.log.push(Arc::new(Logged {
            gtid: gtid.clone(),
            effect,
        }));
        gtid
    }

    /// Makes the first `upto` transactions of the log visible, in order.
    pub(super) fn settle(&mut self, upto: usize) {
        while self.visible < upto.min(self.log.len()) {
            let logged = Arc::clone(&self.log[self.visible]);
            self.data.execute(&logged.effect);
            self.executed.insert(&logged.gtid);
            self.visible += 1;
        }
    }

    /// Receives up to `count` transactions that stand in `source` and not here, into the relay log.
    pub(super) fn receive(&mut self, source: &[Arc<Logged>], count: usize) -> usize {
        let known = self.known();
        let missing = source.iter().filter(|logged| !known.contains(&logged.gtid));
        let before = self.relay.len();
        self.relay.extend(missing.take(count).cloned());
        self.relay.len() - before
    }

    /// Executes up to `count` transactions of the relay log.
    pub(super) fn apply_relay(&mut self, count: usize) {
        for _ in 0..count {
            let Some(logged) = self.relay.pop_front() else { break };
            self.log.push(logged);
        }
        self.settle(self.log.len());
    }

    /// Everything received, executed or not.
    fn known(&self) -> GtidSet {
        self.log
            .iter()
            .chain(&self.relay)
            .map(|logged| logged.gtid.clone())
            .collect()
    }

    pub(super) fn unapplied(&self) -> GtidSet {
        self.relay.iter().map(|logged| logged.gtid.clone()).collect()
    }

    pub(super) fn purged_set(&self) -> GtidSet {
        self.log[..self.purged]
            .iter()
            .map(|logged| logged.gtid.clone())
            .collect()
    }

    /// Ends all sessions, and with them their locks.
    pub(super) fn end_sessions(&mut self) {
        self.life += 1;
        self.locks.clear();
    }

    /// Forgets everything and takes what another server has, but not its identity.
    pub(super) fn clone_from_donor(&mut self, donor: &Node) {
        self.end_sessions();
        self.log.clone_from(&donor.log);
        self.visible = donor.visible;
        self.data = donor.data.clone();
        self.executed = donor.executed.clone();
        self.purged = donor.purged;
        self.relay.clear();
        self.settle(self.log.len());
        // As MySQL does: numbers of transactions that are lost are given out again.
        let own = self
            .log
            .iter()
            .filter(|logged| *logged.gtid.source == *self.server.uuid.as_str());
        self.issued = own.map(|logged| logged.gtid.sequence).max().unwrap_or(0);
    }

    pub(super) fn require_writable(&self) -> Result<()> {
        if self.writable {
            return Ok(());
        }
        let message = format!("{} runs with --super-read-only and takes no writes", self.server);
        Err(Error::new(ErrorKind::NotPrimary, message).with_code(1290))
    }

    /// Whether a session other than `session` has locked the table.
    pub(super) fn is_locked(&mut self, table: &TableName, session: Option<u64>, now: Duration) -> bool {
        self.drop_idle_locks(now);
        self.locks
            .iter()
            .any(|lock| Some(lock.session) != session && lock.tables.contains(table))
    }

    /// Ends the sessions that hold table locks and have said nothing for too long.
    pub(super) fn drop_idle_locks(&mut self, now: Duration) {
        self.locks.retain(|lock| now.saturating_sub(lock.used) <= LOCK_IDLE);
    }
}

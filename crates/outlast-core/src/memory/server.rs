//! One server of the cluster.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use crate::{
    error::{Error, ErrorKind, Result},
    gtid::{Gtid, GtidSet},
    guard::Guard,
    ids::{Server, ServerUuid},
    ledger::Xid,
    scheduler::Lease,
};

use super::{
    data::{Data, TableName, fenced},
    log::{Effect, Fence, Logged, Origin},
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
    pub(super) keeps_commit_order: bool,
    /// Everything in the log and the relay log.
    received: GtidSet,
    /// Distinguishes this log from what it was before it was replaced by another server's.
    history: u64,
    /// How far the log of a source, in one history of it, is received without a gap.
    received_upto: (ServerUuid, u64, usize),
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
            keeps_commit_order: true,
            received: GtidSet::new(),
            history: 0,
            received_upto: (ServerUuid::new(""), 0, 0),
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
        self.append_from(Origin::Backend, effect)
    }

    pub(super) fn append_from(&mut self, origin: Origin, effect: Effect) -> Gtid {
        self.issued += 1;
        let gtid = Gtid::new(self.server.uuid.as_str(), self.issued);
        self.received.insert(&gtid);
        self.log.push(Arc::new(Logged {
            gtid: gtid.clone(),
            origin,
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
    pub(super) fn receive(&mut self, source: &Node, count: usize) -> usize {
        let (uuid, history, upto) = &self.received_upto;
        let same = *uuid == source.server.uuid && *history == source.history;
        let mut at = if same { *upto } else { 0 };
        let before = self.relay.len();
        while at < source.log.len() && self.relay.len() - before < count {
            let logged = &source.log[at];
            if !self.received.contains(&logged.gtid) {
                self.received.insert(&logged.gtid);
                // MySQL would give the number out again before the relay log is executed, and then skip what bore it first:
                // the source itself would differ from its replicas'. Nobody could mend that, so it is left out here.
                if *logged.gtid.source == *self.server.uuid.as_str() {
                    self.issued = self.issued.max(logged.gtid.sequence);
                }
                self.relay.push_back(Arc::clone(logged));
            }
            at += 1;
        }
        self.received_upto = (source.server.uuid.clone(), source.history, at);
        self.relay.len() - before
    }

    /// Executes up to `count` transactions of the relay log. Where the commit order is not kept, `chance` says which of two
    /// that are independent comes first.
    pub(super) fn apply_relay(&mut self, count: usize, mut chance: u64) {
        self.settle(self.log.len());
        // All appliers are now faster and now slower, or one of them waits for long while the others go on.
        let one_hangs = chance.is_multiple_of(2);
        for _ in 0..count {
            if !self.keeps_commit_order {
                self.let_one_overtake(if one_hangs { 1 } else { (chance % 4) as usize });
                chance = chance.rotate_right(7);
            }
            let Some(logged) = self.relay.pop_front() else { break };
            if self.stops_the_applier(&logged.effect) {
                self.relay.push_front(logged);
                break;
            }
            self.log.push(logged);
            self.settle(self.log.len());
        }
    }

    /// Moves the `at`th transaction of the relay log to its front, if parallel appliers may execute it first.
    fn let_one_overtake(&mut self, at: usize) {
        let Some(overtaking) = self.relay.get(at) else {
            return;
        };
        let mut others = self.relay.iter().take(at);
        if others.all(|other| overtaking.effect.is_independent_of(&other.effect))
            && let Some(overtaking) = self.relay.remove(at)
        {
            self.relay.push_front(overtaking);
        }
    }

    /// The end of an XA transaction that somebody has ended here already: an error that stops replication until the channel
    /// is reset.
    fn stops_the_applier(&self, effect: &Effect) -> bool {
        match effect {
            Effect::XaCommit(Xid(xid)) | Effect::XaRollback(Xid(xid)) => !self.data.prepared.contains_key(xid),
            Effect::Commit(_) | Effect::XaPrepare(..) => false,
        }
    }

    /// Throws away what is received and not executed. As MySQL does, the server gives out the numbers of lost transactions
    /// of its own again.
    pub(super) fn reset_relay(&mut self) {
        self.relay.clear();
        self.received = self.log.iter().map(|logged| logged.gtid.clone()).collect();
        self.received_upto = (ServerUuid::new(""), 0, 0);
        let own = self
            .log
            .iter()
            .filter(|logged| *logged.gtid.source == *self.server.uuid.as_str());
        self.issued = own.map(|logged| logged.gtid.sequence).max().unwrap_or(0);
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
        self.reset_relay();
        self.history += 1;
        self.settle(self.log.len());
    }

    /// Invariant I6: the fence row must hold the lease's triple, and this must be the lease's server.
    pub(super) fn check_fence(&self, lease: &Lease) -> Result<()> {
        let fence = self.data.fences.get(&lease.migration);
        let is_mine = |fence: &Fence| {
            let Some((incarnation, server)) = &fence.holder else {
                return false;
            };
            let here = &self.server.uuid;
            (fence.epoch == lease.epoch || !Guard::FenceEpoch.holds())
                && (*incarnation == lease.incarnation || !Guard::FenceIncarnation.holds())
                && (server == here && lease.server.uuid == *here || !Guard::FenceServer.holds())
        };
        if fence.is_some_and(is_mine) {
            return Ok(());
        }
        Err(fenced(format!(
            "migration {} is no longer run by {} on {} in epoch {}: its fence is {fence:?}",
            lease.migration, lease.agent, lease.server, lease.epoch
        )))
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

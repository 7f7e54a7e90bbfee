//! The cluster: its servers, what applications do to them, and what happens to them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{
    clock::Clock,
    error::{Error, ErrorKind, Result},
    gtid::{Gtid, GtidSet},
    guard::Guard,
    ids::{Server, ServerUuid},
    ledger::Xid,
};

use super::{
    client::{Client, Memory, Network, Steps},
    data::TableName,
    log::{Effect, Logged, Origin, Write},
    server::Node,
    signal::{Changed, Signal},
};

/// How often a writer that waits for a table lock looks whether its holder has fallen silent.
const LOCK_RETRY: Duration = Duration::from_millis(50);

/// MySQL servers in memory, with everything that can happen to them.
///
/// The backends see a server only as a client would: through its address, while it is alive. The methods of this type are
/// the other side: the application, the operator, and fate. They name servers by uuid, reach dead ones too, and panic when
/// asked for a server that was never added. None of them waits, unless it says so.
///
/// A handle is one client's: see [`Cluster::client`].
pub struct Cluster {
    pub(super) shared: Arc<Shared>,
    /// Whose handle this is.
    pub(super) client: Client,
    pub(super) memory: Memory,
}

pub(super) struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Changes with the state, for whoever waits.
    changed: Signal,
    serial: AtomicU64,
    latency_ms: AtomicU64,
    most_rows: AtomicUsize,
    pub(super) steps: Steps,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) nodes: Vec<Node>,
    /// Which server answers at an address.
    pub(super) addresses: BTreeMap<String, ServerUuid>,
    pub(super) network: Network,
    journal: Option<Vec<String>>,
}

/// A connection of a backend: to one server, in one life of it.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) server: Server,
    pub(super) id: u64,
    pub(super) life: u64,
}

/// Making and watching a cluster.
impl Cluster {
    /// A cluster without servers.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            shared: Arc::new(Shared {
                clock,
                state: Mutex::default(),
                changed: Signal::default(),
                serial: AtomicU64::new(1),
                latency_ms: AtomicU64::new(0),
                most_rows: AtomicUsize::new(usize::MAX),
                steps: Steps::default(),
            }),
            client: Client::OPERATOR,
            memory: Memory::default(),
        })
    }

    /// A cluster of `count` servers: the first is the primary, the others replicate from it.
    pub fn with_servers(clock: Arc<dyn Clock>, count: usize) -> (Arc<Self>, Vec<Server>) {
        let cluster = Self::new(clock);
        let servers: Vec<Server> = (0..count).map(|_| cluster.add_server()).collect();
        if let Some((primary, replicas)) = servers.split_first() {
            cluster.promote(primary);
            for replica in replicas {
                cluster.follow(replica, primary);
            }
        }
        (cluster, servers)
    }

    /// Adds an empty server: alive, read-only, replicating from nobody.
    pub fn add_server(&self) -> Server {
        let mut state = self.state();
        let number = state.nodes.len() + 1;
        let server = Server {
            uuid: ServerUuid::new(format!("{number:08x}-0000-4000-8000-000000000000")),
            address: format!("memory-{number}:3306"),
        };
        state.addresses.insert(server.address.clone(), server.uuid.clone());
        state.nodes.push(Node::new(server.clone()));
        server
    }

    /// The clock that everything on the cluster goes by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    /// Rows of a table as a query on the server sees them; `None` if there is no such table.
    pub fn rows(&self, server: &Server, table: &TableName) -> Option<BTreeMap<u64, u64>> {
        self.node(server, |node| node.data.tables.get(table).map(|t| t.rows.clone()))
    }

    /// `@@gtid_executed`: what is visible.
    pub fn executed(&self, server: &Server) -> GtidSet {
        self.node(server, |node| node.executed.clone())
    }

    /// Everything in the server's binlog, visible or not.
    pub fn received(&self, server: &Server) -> GtidSet {
        self.node(server, |node| {
            node.log.iter().map(|logged| logged.gtid.clone()).collect()
        })
    }

    /// How often the names of a table's two columns were swapped in the server's history; `None` if there is no such table.
    pub fn swaps(&self, server: &Server, table: &TableName) -> Option<u64> {
        self.node(server, |node| node.data.tables.get(table).map(|t| t.swaps))
    }

    /// From now on, keeps a line of everything that is committed; see [`Cluster::journal`].
    pub fn keep_journal(&self) {
        self.state().journal.get_or_insert_default();
    }

    /// Adds a line to the journal, if one is kept.
    pub fn tell(&self, line: impl FnOnce() -> String) {
        if let Some(journal) = &mut self.state().journal {
            journal.push(format!("{:>9.3?} {}", self.shared.clock.now(), line()));
        }
    }

    /// What was committed and told since [`Cluster::keep_journal`], a line each.
    pub fn journal(&self) -> Vec<String> {
        self.state().journal.clone().unwrap_or_default()
    }

    /// Returns when anything on the cluster changes after the call.
    pub async fn changed(&self) {
        self.shared.changed.subscribe().changed().await;
    }
}

/// What applications and their operators do on a server.
impl Cluster {
    /// Creates a table with these rows.
    pub fn create_table(&self, server: &Server, table: &TableName, rows: impl IntoIterator<Item = (u64, u64)>) {
        let create = Write::Create {
            table: table.clone(),
            unique_values: false,
        };
        let insert = rows.into_iter().map(|(key, value)| Write::Row {
            table: table.clone(),
            key,
            value: Some(value),
        });
        let writes = std::iter::once(create).chain(insert).collect();
        self.node(server, |node| {
            node.append_from(Origin::Application, Effect::Commit(writes));
            node.settle(node.log.len());
        });
    }

    /// One transaction that sets rows (`None` deletes), committed and visible when this returns.
    ///
    /// # Errors
    /// `ServerGone`, `NotPrimary`; `Passing` where MySQL would wait for a lock.
    pub fn write(&self, server: &Server, table: &TableName, rows: &[(u64, Option<u64>)]) -> Result<Gtid> {
        let gtid = self.flush(server, table, rows)?;
        self.settle(server);
        Ok(gtid)
    }

    /// Like [`Cluster::write`], but the transaction is only in the binlog: readers of it get it, queries don't see it yet.
    ///
    /// # Errors
    /// As [`Cluster::write`].
    pub fn flush(&self, server: &Server, table: &TableName, rows: &[(u64, Option<u64>)]) -> Result<Gtid> {
        self.application(server, table, rows, Effect::Commit)
    }

    /// Like [`Cluster::write`], but waits for locks.
    ///
    /// # Errors
    /// `ServerGone`, `NotPrimary`.
    pub async fn write_waiting(&self, server: &Server, table: &TableName, rows: &[(u64, Option<u64>)]) -> Result<Gtid> {
        let mut changed = self.shared.changed.subscribe();
        loop {
            changed.mark_unchanged();
            match self.write(server, table, rows) {
                Err(error) if error.kind() == ErrorKind::Passing => {}
                written => return written,
            }
            tokio::select! {
                biased;
                () = changed.changed() => {}
                () = self.shared.clock.sleep(LOCK_RETRY) => {}
            }
        }
    }

    /// Makes everything in the server's binlog visible.
    pub fn settle(&self, server: &Server) {
        self.node(server, |node| node.settle(node.log.len()));
    }

    /// Makes one more transaction visible.
    pub fn settle_one(&self, server: &Server) {
        self.node(server, |node| node.settle(node.visible + 1));
    }

    /// `XA PREPARE` of a transaction that sets rows; its locks stay until it ends.
    ///
    /// # Errors
    /// As [`Cluster::write`].
    pub fn xa_prepare(
        &self,
        server: &Server,
        xid: &Xid,
        table: &TableName,
        rows: &[(u64, Option<u64>)],
    ) -> Result<Gtid> {
        let gtid = self.application(server, table, rows, |writes| Effect::XaPrepare(xid.clone(), writes))?;
        self.settle(server);
        Ok(gtid)
    }

    /// `XA COMMIT`.
    ///
    /// # Errors
    /// `ServerGone`, `NotPrimary`; `BadRequest` if the server knows no such transaction.
    pub fn xa_commit(&self, server: &Server, xid: &Xid) -> Result<Gtid> {
        self.end_xa(server, xid, Effect::XaCommit(xid.clone()))
    }

    /// `XA ROLLBACK`.
    ///
    /// # Errors
    /// As [`Cluster::xa_commit`].
    pub fn xa_rollback(&self, server: &Server, xid: &Xid) -> Result<Gtid> {
        self.end_xa(server, xid, Effect::XaRollback(xid.clone()))
    }

    /// XA transactions that the server holds prepared.
    pub fn xa_recover(&self, server: &Server) -> Vec<Xid> {
        self.node(server, |node| node.data.prepared.keys().cloned().map(Xid).collect())
    }

    /// `TRUNCATE`: the rows go without row events.
    pub fn truncate(&self, server: &Server, table: &TableName) {
        self.node(server, |node| {
            node.append(Effect::Commit(vec![Write::Empty(table.clone())]));
            node.settle(node.log.len());
        });
    }

    /// From now on the server can't change the table without a copy, whatever an empty clone of it shows.
    pub fn make_rigid(&self, server: &Server, table: &TableName) {
        self.node(server, |node| {
            node.append(Effect::Commit(vec![Write::MakeRigid(table.clone())]));
            node.settle(node.log.len());
        });
    }

    /// Like an application's transaction, in whose log record it is marked.
    fn application(
        &self,
        server: &Server,
        table: &TableName,
        rows: &[(u64, Option<u64>)],
        effect: impl FnOnce(Vec<Write>) -> Effect,
    ) -> Result<Gtid> {
        let now = self.shared.clock.now();
        self.node(server, |node| {
            alive(node)?;
            node.require_writable()?;
            node.data.table(table)?;
            let row_locked = rows.iter().any(|(key, _)| node.data.is_xa_locked(table, Some(*key)));
            if row_locked || node.is_locked(table, None, now) {
                return Err(Error::new(ErrorKind::Passing, format!("{table} is locked")).with_code(1205));
            }
            let write = |&(key, value): &(u64, Option<u64>)| Write::Row {
                table: table.clone(),
                key,
                value,
            };
            Ok(node.append_from(Origin::Application, effect(rows.iter().map(write).collect())))
        })
    }

    fn end_xa(&self, server: &Server, xid: &Xid, effect: Effect) -> Result<Gtid> {
        self.node(server, |node| {
            alive(node)?;
            node.require_writable()?;
            if !node.data.prepared.contains_key(&xid.0) {
                return Err(Error::new(ErrorKind::BadRequest, "XAER_NOTA: Unknown XID").with_code(1397));
            }
            let gtid = node.append_from(Origin::Application, effect);
            node.settle(node.log.len());
            Ok(gtid)
        })
    }
}

/// What happens to servers.
impl Cluster {
    /// Makes the server writable and detaches it from its source. A relay log stays unapplied, as it does in MySQL.
    pub fn promote(&self, server: &Server) {
        self.node(server, |node| {
            node.replicates_from = None;
            node.writable = true;
        });
    }

    /// Switches `read_only` on or off. Switching it on ends the sessions that hold table locks.
    pub fn set_writable(&self, server: &Server, writable: bool) {
        self.node(server, |node| {
            node.writable = writable;
            if !writable {
                node.locks.clear();
            }
        });
    }

    /// Sets the server up so that, promoted, it would lack something of a migration, for this reason; `None` mends it.
    pub fn set_unfit(&self, server: &Server, reason: Option<&str>) {
        self.node(server, |node| node.unfit = reason.map(str::to_owned));
    }

    /// Makes the server a read-only replica of `source`. It receives nothing by itself: see [`Cluster::replicate`]. What it has
    /// received from another source and not executed is thrown away, as CHANGE REPLICATION SOURCE does.
    pub fn follow(&self, server: &Server, source: &Server) {
        self.node(server, |node| {
            if node.replicates_from.as_ref() != Some(&source.uuid) {
                node.reset_relay();
            }
            node.writable = false;
            node.locks.clear();
            node.replicates_from = Some(source.uuid.clone());
        });
    }

    /// Whether the server replicates from `source`.
    pub fn follows(&self, server: &Server, source: &Server) -> bool {
        self.node(server, |node| node.replicates_from.as_ref() == Some(&source.uuid))
    }

    /// A planned switchover: `from` takes no more writes and executes what it had received before it took any, `to` catches
    /// up and takes them, `from` follows it.
    pub fn switch_over(&self, from: &Server, to: &Server) {
        self.set_writable(from, false);
        self.apply_relay(from, usize::MAX);
        self.replicate(from, to, usize::MAX);
        self.promote(to);
        self.follow(from, to);
    }

    /// `to` receives and executes the next `count` transactions of `from`'s binlog that it lacks. Returns how many.
    pub fn replicate(&self, from: &Server, to: &Server, count: usize) -> usize {
        let received = self.receive(from, to, count);
        self.apply_relay(to, usize::MAX);
        received
    }

    /// `to` receives the next `count` transactions of `from`'s binlog that it lacks, and leaves them in its relay log.
    pub fn receive(&self, from: &Server, to: &Server, count: usize) -> usize {
        let mut state = self.state();
        let (from, to) = (state.index(from), state.index(to));
        let Ok([from, to]) = state.nodes.get_disjoint_mut([from, to]) else {
            return 0;
        };
        to.receive(from, count)
    }

    /// Executes the next `count` transactions of the relay log, on a server that was made writable, too.
    pub fn apply_relay(&self, server: &Server, count: usize) {
        let chance = self.shared.clock.random();
        self.node(server, |node| node.apply_relay(count, chance));
    }

    /// Executes the relay log up to what no server may take writes without: the last statement that brings a new definition
    /// into place, and the last transaction of the server's own, whose number it would give out again.
    pub fn apply_what_must_not_wait(&self, server: &Server) {
        self.node(server, |node| {
            let alters = |write: &Write| matches!(write, Write::Rename(_) | Write::SwapColumns(_));
            let own = node.server.uuid.clone();
            let must_not_wait = |logged: &Arc<Logged>| {
                logged.effect.writes().iter().any(alters) || *logged.gtid.source == *own.as_str()
            };
            if let Some(last) = node.relay.iter().rposition(must_not_wait) {
                node.apply_relay(last + 1, 0);
            }
        });
    }

    /// Throws away what the server has received and not executed, as RESET REPLICA does.
    pub fn reset_relay(&self, server: &Server) {
        self.node(server, Node::reset_relay);
    }

    /// Whether the server's parallel appliers commit in the order of its source, as they do by default.
    pub fn set_commit_order(&self, server: &Server, kept: bool) {
        self.node(server, |node| node.keeps_commit_order = kept);
    }

    /// Number of received transactions that are not executed.
    pub fn relay_len(&self, server: &Server) -> usize {
        self.node(server, |node| node.relay.len())
    }

    /// Whether somebody holds a lock on tables of the server.
    pub fn is_locked(&self, server: &Server) -> bool {
        let now = self.shared.clock.now();
        self.node(server, |node| {
            node.drop_idle_locks(now);
            !node.locks.is_empty()
        })
    }

    /// Every living replica receives and executes everything that its source has.
    pub fn replicate_all(&self) {
        let pairs: Vec<(Server, Server)> = {
            let state = self.state();
            let living = |uuid: &ServerUuid| state.nodes.iter().find(|n| n.alive && n.server.uuid == *uuid);
            let replicas = state.nodes.iter().filter(|node| node.alive);
            replicas
                .filter_map(|node| {
                    Some((
                        living(node.replicates_from.as_ref()?)?.server.clone(),
                        node.server.clone(),
                    ))
                })
                .collect()
        };
        for (from, to) in pairs {
            self.replicate(&from, &to, usize::MAX);
        }
    }

    /// The server dies, with all sessions on it.
    pub fn kill(&self, server: &Server) {
        self.node(server, |node| {
            node.alive = false;
            node.end_sessions();
        });
    }

    /// A dead server starts again: what is in its binlog is committed, and it takes writes if it did before.
    pub fn revive(&self, server: &Server) {
        self.node(server, |node| {
            node.alive = true;
            node.settle(node.log.len());
        });
    }

    /// All sessions on the server end; open transactions roll back, table locks are released.
    pub fn disconnect(&self, server: &Server) {
        self.node(server, Node::end_sessions);
    }

    /// Builds the server anew as a replica of `donor`: what only it had is lost.
    pub fn rebuild(&self, server: &Server, donor: &Server) {
        let mut state = self.state();
        let (at, from) = (state.index(server), state.index(donor));
        if let Ok([node, donor]) = state.nodes.get_disjoint_mut([at, from]) {
            node.clone_from_donor(donor);
            node.alive = true;
            node.writable = false;
            node.replicates_from = Some(donor.server.uuid.clone());
        }
        drop(state);
        self.wake();
    }

    /// Purges the first `count` transactions of the server's binlog.
    pub fn purge(&self, server: &Server, count: usize) {
        self.node(server, |node| node.purged = count.clamp(node.purged, node.visible));
    }

    /// Lets another server answer at `address`, as a virtual IP or a proxy does. Sessions stay where they are.
    pub fn move_address(&self, address: &str, server: &Server) {
        self.state().addresses.insert(address.to_owned(), server.uuid.clone());
        self.wake();
    }

    /// Sets how far the server's UTC clock is ahead.
    pub fn set_clock_ahead(&self, server: &Server, ahead: Duration) {
        self.node(server, |node| node.ahead = ahead);
    }

    /// Lets every statement take a random time up to this, so that others go ahead between and within transactions.
    pub fn set_latency(&self, most: Duration) {
        self.shared.latency_ms.store(most.as_millis() as u64, Ordering::Relaxed);
    }

    /// Sets how many rows a transaction of Outlast may write.
    pub fn set_most_rows(&self, rows: usize) {
        self.shared.most_rows.store(rows, Ordering::Relaxed);
    }

    fn check_size(&self, writes: &[Write]) -> Result<()> {
        let rows = writes.iter().filter(|write| matches!(write, Write::Row { .. })).count();
        let most = self.shared.most_rows.load(Ordering::Relaxed);
        match rows <= most {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::TooBig, format!("{rows} rows are more than {most}")).with_code(1197)),
        }
    }
}

/// What the backends do.
impl Cluster {
    pub(super) fn next_serial(&self) -> u64 {
        self.shared.serial.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn subscribe(&self) -> Changed {
        self.shared.changed.subscribe()
    }

    /// A place where everybody else may go ahead: where a client would wait for the server.
    pub(super) async fn pause(&self) {
        self.shared.steps.count();
        let latency = self.shared.latency_ms.load(Ordering::Relaxed);
        let chance = self.shared.clock.random();
        if latency > 0 {
            let milliseconds = chance % (latency + 1);
            self.shared.clock.sleep(Duration::from_millis(milliseconds)).await;
        }
        for _ in 0..1 + (chance >> 32) % 3 {
            tokio::task::yield_now().await;
        }
        self.thawed().await;
    }

    /// Connects, verifying who answers.
    pub(super) fn connect(&self, server: &Server) -> Result<Session> {
        let (uuid, life) = self.connected(server, |node| Ok((node.server.uuid.clone(), node.life)))?;
        Ok(Session {
            server: Server {
                uuid,
                address: server.address.clone(),
            },
            id: self.next_serial(),
            life,
        })
    }

    /// Connects once more, for the owner of `session`. If that was lost, this fails, too: whoever lost a session does not know
    /// what has happened meanwhile, and reconnecting by itself it might never learn (invariant I6).
    pub(super) fn connect_beside(&self, session: &Session) -> Result<Session> {
        if let Some(beside) = self.behind_proxy(&session.server)? {
            return Ok(beside);
        }
        let beside = self.connect(&session.server)?;
        if beside.life != session.life {
            return Err(gone(format!("the connection to {} was lost", session.server)));
        }
        Ok(beside)
    }

    /// Asks the server that answers at `server`'s address, if it is `server`.
    pub(super) fn connected<T>(&self, server: &Server, ask: impl FnOnce(&mut Node) -> Result<T>) -> Result<T> {
        let mut state = self.state();
        let Some(uuid) = state.addresses.get(&server.address).cloned() else {
            return Err(gone(format!("nobody listens at {}", server.address)));
        };
        state.network.reach(self.client, &uuid)?;
        let node = state.nodes.iter_mut().find(|node| node.server.uuid == uuid);
        let node = node.ok_or_else(|| gone(format!("nobody listens at {}", server.address)))?;
        alive(node)?;
        if uuid != server.uuid && Guard::AdoptServer.holds() {
            let message = format!("{} answers as {uuid} instead of {}", server.address, server.uuid);
            return Err(Error::new(ErrorKind::Fenced, message));
        }
        ask(node)
    }

    /// Asks in a session that is already open. The address does not matter any more.
    pub(super) fn in_session<T>(&self, session: &Session, ask: impl FnOnce(&mut Node) -> Result<T>) -> Result<T> {
        self.state().network.reach(self.client, &session.server.uuid)?;
        self.node(&session.server, |node| {
            alive(node)?;
            if node.life != session.life {
                return Err(gone(format!("the connection to {} was lost", session.server)));
            }
            ask(node)
        })
    }

    /// One transaction of a backend in an open session. `body` is told the server's UTC and says what to write, if
    /// anything.
    pub(super) fn commit_in<T>(
        &self,
        session: &Session,
        body: impl FnOnce(&mut Node, Duration) -> Result<(Vec<Write>, T)>,
    ) -> Result<T> {
        let now = self.shared.clock.now();
        let (wrote, result) = self.in_session(session, |node| {
            if Guard::AdoptWritable.holds() {
                node.require_writable()?;
            }
            let utc = now + node.ahead;
            let (writes, result) = body(node, utc)?;
            self.check_size(&writes)?;
            let wrote = !writes.is_empty();
            if wrote {
                node.append(Effect::Commit(writes));
                node.settle(node.log.len());
            }
            Ok((wrote, result))
        })?;
        if wrote && self.loses_reply() {
            return Err(gone(format!(
                "the connection to {} was lost during COMMIT",
                session.server
            )));
        }
        Ok(result)
    }

    /// Connects for one transaction.
    pub(super) async fn transact<T>(
        &self,
        server: &Server,
        body: impl FnOnce(&mut Node, Duration) -> Result<(Vec<Write>, T)> + Send,
    ) -> Result<T> {
        self.pause().await;
        let session = self.connect(server)?;
        self.pause().await;
        self.commit_in(&session, body)
    }

    /// Connects for one query.
    pub(super) async fn query<T>(
        &self,
        server: &Server,
        ask: impl FnOnce(&Node, Duration) -> Result<T> + Send,
    ) -> Result<T> {
        self.pause().await;
        let now = self.shared.clock.now();
        self.connected(server, |node| ask(node, now + node.ahead))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to a server, dead or alive, and wakes whoever waits for what has come of it.
    pub(super) fn node<T>(&self, server: &Server, act: impl FnOnce(&mut Node) -> T) -> T {
        let mut state = self.state();
        let at = state.index(server);
        let node = &mut state.nodes[at];
        let (before, logged) = (node.progress(), node.log.len());
        let result = act(node);
        if node.progress() != before {
            if state.journal.is_some() {
                let node = &state.nodes[at];
                let lines: Vec<String> = node.log[logged.min(node.log.len())..]
                    .iter()
                    .map(|logged| format!("{:>9.3?} {}: {logged}", self.shared.clock.now(), node.server.address))
                    .collect();
                state.journal.get_or_insert_default().extend(lines);
            }
            drop(state);
            self.wake();
        }
        result
    }

    pub(super) fn wake(&self) {
        self.shared.changed.send();
    }
}

impl State {
    fn index(&self, server: &Server) -> usize {
        let at = self.nodes.iter().position(|node| node.server.uuid == server.uuid);
        at.unwrap_or_else(|| panic!("{server} was never added to the cluster"))
    }
}

pub(super) fn alive(node: &Node) -> Result<()> {
    if node.alive {
        return Ok(());
    }
    Err(gone(format!("can't connect to {}", node.server)))
}

pub(super) fn gone(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::ServerGone, message).with_code(2013)
}

//! Clients of the cluster, and what the network, the proxy and the machine do to them.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use crate::{
    checkpoint::{Checkpoint, Progress},
    error::Result,
    guard::Guard,
    ids::{Server, ServerUuid},
};

use super::cluster::{Cluster, Session, alive, gone};

/// Who holds a handle of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Client(u64);

impl Client {
    /// Applications, operators, and whoever has no handle of its own.
    pub(super) const OPERATOR: Self = Self(0);
}

/// What stands between clients and servers.
#[derive(Default)]
pub(super) struct Network {
    cuts: BTreeSet<(Client, ServerUuid)>,
    frozen: BTreeSet<Client>,
    proxied: bool,
    replies_to_lose: u32,
    reply_loss: f64,
    late_effects: f64,
}

impl Network {
    /// # Errors
    /// `ServerGone` if the client is cut off from the server.
    pub(super) fn reach(&self, client: Client, server: &ServerUuid) -> Result<()> {
        if !self.cuts.is_empty() && self.cuts.contains(&(client, server.clone())) {
            return Err(gone(format!("no route to {server}")));
        }
        Ok(())
    }
}

/// The checkpoint as a client remembers it. A sound client never asks for it: it loads what is stored under its own epoch.
#[derive(Default)]
pub(super) struct Memory(Mutex<Option<Checkpoint>>);

impl Memory {
    /// What a client without the guards would go by instead of what is stored.
    pub(super) fn instead(&self) -> Option<Checkpoint> {
        match Guard::Reload.holds() && Guard::ReadAfterEpoch.holds() {
            true => None,
            false => self.held().clone(),
        }
    }

    /// The client has read this.
    pub(super) fn loaded(&self, checkpoint: Option<&Checkpoint>) {
        if !Guard::ReadAfterEpoch.holds() || !Guard::Reload.holds() && self.held().is_none() {
            *self.held() = checkpoint.cloned();
        }
    }

    /// The client has committed this.
    pub(super) fn committed(&self, progress: &Progress<'_>) {
        if Guard::Reload.holds() {
            return;
        }
        match (&mut *self.held(), progress) {
            (Some(held), Progress::Copied(chunk)) => held.chunks.push((*chunk).clone()),
            // What one of several appliers has done is no position yet.
            (Some(held), Progress::Advanced { position, .. }) => held.position = (*position).clone(),
            _ => {}
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Checkpoint>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts the places where backends wait for servers, so that fate can strike at each of them.
#[derive(Default)]
pub(super) struct Steps {
    count: AtomicU64,
    /// The lowest number that somebody waits for.
    next: AtomicU64,
    waiting: Mutex<Vec<(u64, Arc<Notify>)>>,
}

impl Steps {
    pub(super) fn count(&self) {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        if count >= self.next.load(Ordering::Relaxed) {
            let mut waiting = self.waiting();
            waiting.retain(|(number, waiter)| {
                if *number <= count {
                    waiter.notify_one();
                }
                *number > count
            });
            self.set_next(&waiting);
        }
    }

    async fn reach(&self, number: u64) {
        let waiter = Arc::new(Notify::new());
        {
            let mut waiting = self.waiting();
            if self.count.load(Ordering::Relaxed) >= number {
                return;
            }
            waiting.push((number, Arc::clone(&waiter)));
            self.set_next(&waiting);
        }
        waiter.notified().await;
    }

    fn set_next(&self, waiting: &[(u64, Arc<Notify>)]) {
        let next = waiting.iter().map(|(number, _)| *number).min();
        self.next.store(next.unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(u64, Arc<Notify>)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What happens between clients and servers.
impl Cluster {
    /// A handle for a client of its own: what is cut and frozen for others is not for it.
    pub fn client(&self) -> Arc<Self> {
        Arc::new(Self {
            shared: Arc::clone(&self.shared),
            client: Client(self.next_serial()),
            memory: Memory::default(),
        })
    }

    /// Cuts the network between this handle's client and a server, or mends it. The client's statements fail; the server
    /// notices nothing, and keeps locks until the session that holds them has been silent for too long.
    pub fn set_cut(&self, server: &Server, cut: bool) {
        let cuts = &mut self.state().network.cuts;
        let link = (self.client, server.uuid.clone());
        match cut {
            true => cuts.insert(link),
            false => cuts.remove(&link),
        };
    }

    /// Freezes this handle's client, as SIGSTOP does, or lets it go on: none of its statements begins meanwhile, and
    /// its sessions stay.
    pub fn set_frozen(&self, frozen: bool) {
        let set = &mut self.state().network.frozen;
        match frozen {
            true => set.insert(self.client),
            false => set.remove(&self.client),
        };
        self.wake();
    }

    /// Puts a proxy before all servers that leads each new transaction to whichever server its address stands for then,
    /// without telling the client.
    pub fn set_proxied(&self, proxied: bool) {
        self.state().network.proxied = proxied;
    }

    /// The next transaction that a backend commits has its effect, and the backend gets `ServerGone`.
    pub fn lose_next_reply(&self) {
        self.state().network.replies_to_lose += 1;
    }

    /// Each transaction that a backend commits loses its reply with this probability, drawn from the clock's randomness.
    pub fn set_reply_loss(&self, probability: f64) {
        self.state().network.reply_loss = probability;
    }

    /// Each transaction that moves rows fails with this probability while its COMMIT is on the way: it has its effect
    /// later, if its session still lives then and its fence still holds.
    pub fn set_late_effects(&self, probability: f64) {
        self.state().network.late_effects = probability;
    }

    /// How often a backend has waited for a server so far.
    pub fn steps(&self) -> u64 {
        self.shared.steps.count.load(Ordering::Relaxed)
    }

    /// Returns when a backend waits for a server for the `n`th time since the beginning, before that goes on.
    pub async fn step(&self, n: u64) {
        self.shared.steps.reach(n).await;
    }

    pub(super) async fn thawed(&self) {
        if !self.is_frozen() {
            return;
        }
        let mut changed = self.subscribe();
        while self.is_frozen() {
            changed.mark_unchanged();
            changed.changed().await;
        }
    }

    fn is_frozen(&self) -> bool {
        let state = self.state();
        !state.network.frozen.is_empty() && state.network.frozen.contains(&self.client)
    }

    /// A session behind a proxy, with whoever answers at the address now.
    pub(super) fn behind_proxy(&self, server: &Server) -> Result<Option<Session>> {
        let state = self.state();
        if !state.network.proxied {
            return Ok(None);
        }
        let uuid = state.addresses.get(&server.address);
        let node = state.nodes.iter().find(|node| Some(&node.server.uuid) == uuid);
        let node = node.ok_or_else(|| gone(format!("nobody listens at {}", server.address)))?;
        state.network.reach(self.client, &node.server.uuid)?;
        alive(node)?;
        Ok(Some(Session {
            server: Server {
                uuid: node.server.uuid.clone(),
                address: server.address.clone(),
            },
            id: self.next_serial(),
            life: node.life,
        }))
    }

    pub(super) fn loses_reply(&self) -> bool {
        let reply_loss = {
            let network = &mut self.state().network;
            if network.replies_to_lose > 0 {
                network.replies_to_lose -= 1;
                return true;
            }
            network.reply_loss
        };
        self.happens(reply_loss)
    }

    /// Whether a COMMIT is still on the way after its client has given it up.
    pub(super) fn commits_late(&self) -> bool {
        let late_effects = self.state().network.late_effects;
        self.happens(late_effects)
    }

    /// Lasts as long as a COMMIT is on the way that its client has given up: a few steps of others, or a while.
    pub(super) async fn on_the_way(&self) {
        let chance = self.clock().random();
        match chance % 2 {
            0 => self.step(self.steps() + chance / 2 % 12).await,
            _ => self.clock().sleep(Duration::from_millis(chance / 2 % 2500)).await,
        }
    }

    fn happens(&self, probability: f64) -> bool {
        probability > 0.0 && (self.clock().random() as f64) < probability * (u64::MAX as f64)
    }
}

//! Telling waiters that something changed, in the order in which they began to wait: a simulation must be repeatable, and
//! tokio's `watch` wakes waiters in random order.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Notify;

#[derive(Default)]
struct State {
    version: AtomicU64,
    changed: Notify,
}

/// Something that changes.
#[derive(Default)]
pub(super) struct Signal(Arc<State>);

impl Signal {
    /// Wakes whoever waits.
    pub(super) fn send(&self) {
        self.0.version.fetch_add(1, Ordering::Relaxed);
        self.0.changed.notify_waiters();
    }

    /// For somebody who waits for changes from now on.
    pub(super) fn subscribe(&self) -> Changed {
        Changed {
            seen: self.0.version.load(Ordering::Relaxed),
            state: Arc::clone(&self.0),
        }
    }
}

/// Waits for changes.
pub(super) struct Changed {
    state: Arc<State>,
    seen: u64,
}

impl Changed {
    /// Only what changes from now on is waited for.
    pub(super) fn mark_unchanged(&mut self) {
        self.seen = self.state.version.load(Ordering::Relaxed);
    }

    /// Returns as soon as there was a change that was not waited for yet.
    pub(super) async fn changed(&mut self) {
        loop {
            let notified = self.state.changed.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            let version = self.state.version.load(Ordering::Relaxed);
            if version != self.seen {
                self.seen = version;
                return;
            }
            notified.await;
        }
    }
}

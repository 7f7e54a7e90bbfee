//! The guards that keep rows from being lost, each with a name.
//!
//! A claim that something can't happen is worth as much as the proof that it would be noticed. So the simulator switches
//! off one guard at a time, in this very code, and must find the violation that follows. In a build without the feature
//! `test-util` no guard can be switched off, and each holds, by a constant.

mod ends;

pub(crate) use ends::Ends;

macro_rules! guards {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $invariant:literal;)*) => {
        /// A guard, and the invariant of the design that it keeps.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Guard { $($(#[$doc])* $name,)* }

        impl Guard {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Short name, for people and command lines.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The invariant it keeps, as `I4`.
            pub fn invariant(self) -> &'static str {
                match self { $(Self::$name => $invariant,)* }
            }
        }
    };
}

guards! {
    /// One of several appliers records what all have done before, and not what they are about to do.
    PartPosition = "part-position", "I1";
    /// A key belongs to one applier at a time.
    OneApplier = "one-applier", "I2";
    /// A transaction is recorded only when it is visible on the server that is read.
    Visibility = "visibility-wait", "I3";
    /// The rows of an `XA PREPARE` become visible with its `XA COMMIT`, not before.
    XaVisibility = "xa-visibility", "I3";
    /// A change in a range that is being copied is held until the chunk has committed.
    Hold = "hold", "I4";
    /// The first range is open below.
    OpenBottom = "open-bottom", "I4";
    /// The last range is open above.
    OpenTop = "open-top", "I4";
    /// A transaction enters the position when all of its keys are accounted for.
    Boundary = "boundary", "I5";
    /// A held key keeps its transaction out of the position.
    Pin = "pin", "I5";
    /// An `XA PREPARE` stays out of the position until it has ended.
    XaHole = "xa-hole", "I5";
    /// The fence compares the epoch.
    FenceEpoch = "fence-epoch", "I6";
    /// The fence compares the agent's life.
    FenceIncarnation = "fence-incarnation", "I6";
    /// The fence compares the server.
    FenceServer = "fence-server", "I6";
    /// Adoption happens on the server that was checked for it.
    AdoptServer = "adopt-server", "I7";
    /// Adoption needs a server that takes writes.
    AdoptWritable = "adopt-writable", "I7";
    /// Adoption waits until everything received is executed.
    AdoptRelay = "adopt-relay-log", "I7";
    /// Adoption needs a server that has executed all of the position, and everything else that the last owner's copy could see.
    AdoptGaps = "adopt-gaps", "I7";
    /// Going on needs all binlogs since the position.
    AdoptPurged = "adopt-purged", "I7";
    /// Adoption is a compare-and-swap of the epoch.
    AdoptEpoch = "adopt-epoch", "I7";
    /// Of two writable servers with equal epochs neither is written to.
    SplitBrain = "split-brain", "I7";
    /// What an owner knew is forgotten with its lease.
    Reload = "reload", "I7";
    /// Finished ranges are read after the epoch was raised, not before.
    ReadAfterEpoch = "read-after-epoch", "I7";
    /// The phase tells of the swap before it is tried.
    Intent = "intent", "I8";
    /// What the server shall change at once is written down before.
    DirectIntent = "direct-intent", "I8";
    /// The tables tell whether the swap has happened.
    SwapState = "swap-state", "I8";
    /// Under the locks, each step proves that they are still held.
    LockProof = "lock-proof", "I8";
    /// The swap waits until nothing that was executed before the lock is left to apply.
    Drain = "drain", "I8";
    /// Complete is only what the tables show to be in place at that moment.
    Proof = "proof", "I8";
}

#[cfg(any(test, feature = "test-util"))]
mod switch {
    use std::cell::Cell;

    use super::Guard;

    thread_local! {
        static OFF: Cell<Option<Guard>> = const { Cell::new(None) };
    }

    impl Guard {
        /// Whether it holds on this thread.
        #[inline]
        pub(crate) fn holds(self) -> bool {
            OFF.get() != Some(self)
        }

        /// Runs `what` on this thread without this guard.
        pub fn without<T>(self, what: impl FnOnce() -> T) -> T {
            struct Restore(Option<Guard>);
            impl Drop for Restore {
                fn drop(&mut self) {
                    OFF.set(self.0);
                }
            }
            let _restore = Restore(OFF.replace(Some(self)));
            what()
        }
    }
}

#[cfg(not(any(test, feature = "test-util")))]
impl Guard {
    /// It does.
    #[inline(always)]
    pub(crate) const fn holds(self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_is_off_only_within_without() {
        assert!(Guard::Hold.holds());
        Guard::Hold.without(|| {
            assert!(!Guard::Hold.holds());
            assert!(Guard::Pin.holds());
        });
        assert!(Guard::Hold.holds());
    }
}

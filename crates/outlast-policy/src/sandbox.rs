//! One instance of a component, for one decision, within limits.

use std::time::Duration;

use outlast_core::policy::PolicyFault;
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{ResourceLimiter, Store, StoreLimits, StoreLimitsBuilder, Trap};

use crate::engine::{self, Running, TICK};

/// The instructions, roughly, that one decision may take, its start included.
///
/// This bound comes first: it is the same on every machine, however busy.
pub const FUEL: u64 = 20_000_000;

/// The time that one decision may take, for what fuel doesn't measure.
pub const DEADLINE: Duration = Duration::from_secs(1);

/// The bytes of each memory that a policy may have, at most two of them.
pub const MAX_MEMORY_BYTES: usize = 16 * 1024 * 1024;

/// The bytes that an answer may have; reasons are cut shorter still by `outlast_core`.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Elements of each table, which hold function references.
const MAX_TABLE_ELEMENTS: usize = 100_000;

/// The limits of one decision, and whether the memory limit was met.
pub(crate) struct Limits {
    limits: StoreLimits,
    memory_denied: bool,
}

/// An instance that lives for one decision.
pub(crate) struct Sandbox {
    pub(crate) store: Store<Limits>,
    pub(crate) instance: Instance,
    _running: Running,
}

impl Sandbox {
    /// Instantiates a component, which may run its start function.
    pub(crate) fn start(component: &InstancePre<Limits>) -> Result<Self, PolicyFault> {
        Self::start_within(component, FUEL, DEADLINE)
    }

    fn start_within(component: &InstancePre<Limits>, fuel: u64, deadline: Duration) -> Result<Self, PolicyFault> {
        let shared = engine::shared().map_err(PolicyFault::Unavailable)?;
        let limits = StoreLimitsBuilder::new()
            .memory_size(MAX_MEMORY_BYTES)
            .table_elements(MAX_TABLE_ELEMENTS)
            .memories(2)
            .tables(8)
            .instances(16)
            .build();
        let mut store = Store::new(
            &shared.engine,
            Limits {
                limits,
                memory_denied: false,
            },
        );
        store.limiter(|limits| limits);
        store.set_hostcall_fuel(MAX_ANSWER_BYTES);
        store
            .set_fuel(fuel)
            .map_err(|error| PolicyFault::Unavailable(one_line(&error)))?;
        let ticks = deadline.as_millis().div_ceil(TICK.as_millis());
        store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX));
        store.epoch_deadline_trap();
        let running = shared.run();
        match component.instantiate(&mut store) {
            Ok(instance) => Ok(Self {
                store,
                instance,
                _running: running,
            }),
            Err(error) => Err(fault(&store, &error)),
        }
    }

    /// What an error of a call means.
    pub(crate) fn fault(&self, error: &wasmtime::Error) -> PolicyFault {
        fault(&self.store, error)
    }
}

fn fault(store: &Store<Limits>, error: &wasmtime::Error) -> PolicyFault {
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => PolicyFault::OutOfFuel,
        Some(Trap::Interrupt) => PolicyFault::Deadline,
        // A guest that gets no memory mostly gives up with a trap.
        _ if store.data().memory_denied => PolicyFault::Memory,
        Some(trap) => PolicyFault::Trap(trap.to_string()),
        None => PolicyFault::Nonsense(one_line(error)),
    }
}

/// An error and its causes, without line breaks and not too long.
pub(crate) fn one_line(error: &wasmtime::Error) -> String {
    let text = format!("{error:#}");
    let end = text.floor_char_boundary(300);
    text[..end].split_whitespace().collect::<Vec<_>>().join(" ")
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let allowed = self.limits.memory_growing(current, desired, maximum)?;
        self.memory_denied |= !allowed;
        Ok(allowed)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let allowed = self.limits.table_growing(current, desired, maximum)?;
        self.memory_denied |= !allowed;
        Ok(allowed)
    }

    fn instances(&self) -> usize {
        self.limits.instances()
    }

    fn tables(&self) -> usize {
        self.limits.tables()
    }

    fn memories(&self) -> usize {
        self.limits.memories()
    }
}

#[cfg(test)]
#[path = "../tests/guest/mod.rs"]
mod guest;

#[cfg(test)]
mod tests {
    use outlast_core::policy::AdoptionView;

    use super::*;
    use crate::component::Component;

    #[test]
    fn the_deadline_ends_what_fuel_would_let_go_on() {
        let spin = guest::adoption("", "(loop $l (br $l)) (unreachable)");
        let component = Component::load("spin", spin).expect("it is a valid component");
        let compiled = &component.compiled;
        let deadline = Duration::from_millis(50);
        let mut sandbox = Sandbox::start_within(&compiled.instance, u64::MAX, deadline).expect("it starts");
        let start = std::time::Instant::now();
        let answer = compiled
            .exports
            .adopt(&mut sandbox, &AdoptionView::default())
            .expect("the slot is filled");
        assert_eq!(
            sandbox.fault(&answer.expect_err("it never ends by itself")),
            PolicyFault::Deadline
        );
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "ended after {:?}",
            start.elapsed()
        );
    }
}

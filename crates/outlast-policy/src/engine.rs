//! The engine that all policies of a process share, and its clock.

use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use wasmtime::{Config, Engine};

/// How long one tick of the engine's epoch takes while a policy runs.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// The largest stack of a policy, in bytes.
const MAX_STACK_BYTES: usize = 512 * 1024;

pub(crate) struct SharedEngine {
    pub(crate) engine: Engine,
    clock: Clock,
}

/// How many policies run at the moment. The clock stands still while none does, so that an idle process stays idle.
struct Clock {
    running: Mutex<usize>,
    started: Condvar,
}

/// Keeps the clock going.
pub(crate) struct Running(&'static Clock);

/// The engine; the first call makes it.
///
/// # Errors
///
/// One line that says why WebAssembly can't run here.
pub(crate) fn shared() -> Result<&'static SharedEngine, String> {
    static SHARED: OnceLock<Result<SharedEngine, String>> = OnceLock::new();
    static TICKING: OnceLock<Result<(), String>> = OnceLock::new();
    let shared = SHARED.get_or_init(SharedEngine::new).as_ref().map_err(String::clone)?;
    TICKING.get_or_init(|| shared.start_clock()).clone()?;
    Ok(shared)
}

impl SharedEngine {
    fn new() -> Result<Self, String> {
        let mut config = Config::new();
        config
            .consume_fuel(true)
            .epoch_interruption(true)
            .max_wasm_stack(MAX_STACK_BYTES)
            .wasm_backtrace_max_frames(None)
            // A library doesn't change what its process does on a segmentation fault.
            .signals_based_traps(false)
            // The same answer on every machine.
            .cranelift_nan_canonicalization(true)
            .wasm_relaxed_simd(false);
        let engine = Engine::new(&config).map_err(|error| format!("{error:#}"))?;
        Ok(Self {
            engine,
            clock: Clock {
                running: Mutex::new(0),
                started: Condvar::new(),
            },
        })
    }

    fn start_clock(&'static self) -> Result<(), String> {
        let tick = move || {
            loop {
                self.clock.wait_until_a_policy_runs();
                #[expect(clippy::disallowed_methods, reason = "the ticker has a thread of its own")]
                thread::sleep(TICK);
                self.engine.increment_epoch();
            }
        };
        let spawned = thread::Builder::new()
            .name("outlast-policy-clock".to_owned())
            .spawn(tick);
        spawned
            .map(drop)
            .map_err(|error| format!("no thread for the clock: {error}"))
    }

    /// Keeps the clock going until the guard is dropped.
    pub(crate) fn run(&'static self) -> Running {
        *self.clock.running.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.clock.started.notify_one();
        Running(&self.clock)
    }
}

impl Clock {
    fn wait_until_a_policy_runs(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        while *running == 0 {
            running = self.started.wait(running).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *self.0.running.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

//! Policies as WebAssembly components, and the sandbox they run in.
//!
//! This is the only crate that knows wasmtime. A [`Component`] is checked when it is loaded: what it exports, that it asks
//! for nothing, that it starts. A [`WasmPolicy`] answers the questions of [`outlast_core::policy::Policy`]; every call gets a
//! fresh store with bounded fuel, time and memory, so a policy can neither remember nor exhaust anything.
//!
//! The interface that components export stands in `policies/wit`, one directory for each published version.
//!
//! ```
//! use outlast_core::policy::{LivenessView, Policy as _};
//! use outlast_policy::{Component, WasmPolicy};
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/prebuilt/default-staleness.wasm");
//! let policy = WasmPolicy::new(Component::from_file(path)?);
//! assert_eq!(policy.cutoff(&LivenessView::default()), Ok(600_000));
//! # Ok::<(), outlast_policy::LoadError>(())
//! ```

mod component;
mod engine;
mod error;
mod sandbox;
mod shipped;
mod v0_1_0;
mod wasm_policy;

pub use component::{Component, MAX_COMPONENT_BYTES, MAX_NAME_BYTES};
pub use error::LoadError;
pub use sandbox::{DEADLINE, FUEL, MAX_ANSWER_BYTES, MAX_MEMORY_BYTES};
pub use shipped::{default_policies, shipped_components};
pub use wasm_policy::WasmPolicy;

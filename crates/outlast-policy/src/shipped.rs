//! The policies that come with this program.

use std::sync::Arc;

use outlast_core::policy::{Policies, Policy};

use crate::component::Component;
use crate::error::LoadError;
use crate::wasm_policy::WasmPolicy;

/// Built by `cargo xtask policies` from `policies/`.
const SHIPPED: [(&str, &[u8]); 3] = [
    (
        "default-adoption",
        include_bytes!("../../../policies/prebuilt/default-adoption.wasm"),
    ),
    (
        "default-retry",
        include_bytes!("../../../policies/prebuilt/default-retry.wasm"),
    ),
    (
        "default-staleness",
        include_bytes!("../../../policies/prebuilt/default-staleness.wasm"),
    ),
];

/// The components that come with this program; together they fill every slot once.
///
/// # Errors
///
/// [`LoadError::Engine`] if WebAssembly can't run on this machine.
pub fn shipped_components() -> Result<Vec<Component>, LoadError> {
    SHIPPED
        .into_iter()
        .map(|(name, bytes)| Component::load(name, bytes))
        .collect()
}

/// The shipped policies, one in each slot.
///
/// Where WebAssembly can't run, [`NativeDefaults`](outlast_core::policy::NativeDefaults), which decides the same, takes their
/// place, and a warning is logged.
#[must_use]
pub fn default_policies() -> Policies {
    let native = Policies::native_defaults();
    match shipped_components() {
        Ok(components) => components.into_iter().fold(native, |policies, component| {
            let policy: Arc<dyn Policy> = Arc::new(WasmPolicy::new(component));
            policies.with_policy(&policy)
        }),
        Err(error) => {
            tracing::warn!(%error, "the shipped policies can't be loaded; their native versions decide instead");
            native
        }
    }
}

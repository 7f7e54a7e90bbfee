//! Why a component is refused. Each text is one line for the person who named the component.

use std::io;
use std::path::PathBuf;

use outlast_core::policy::Slot;

/// Why a component can't serve as a policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file can't be read.
    #[error("can't read the policy file {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The name can't stand in the history of a migration.
    #[error("`{0}` can't name a policy; use 1 to 64 letters, digits, `.`, `_` and `-`")]
    Name(String),
    /// More bytes than a component may have.
    #[error("the policy has more than {} bytes; build it optimised for size and stripped", .limit)]
    TooLarge {
        /// The most bytes that are accepted.
        limit: usize,
    },
    /// The bytes are not WebAssembly at all.
    #[error("the policy is not WebAssembly; name a component, a `.wasm` file")]
    NotWasm,
    /// A core module, as compilers write it.
    #[error("the policy is a core module; make a component of it with `wasm-tools component new`")]
    CoreModule,
    /// Truncated, corrupt, or built with features that the sandbox doesn't offer.
    #[error("the policy is not a valid component ({0}); build or copy it again")]
    Invalid(String),
    /// The component needs something from outside.
    #[error("the policy imports {}, but policies get nothing from outside; build it without WASI, for wasm32-unknown-unknown", .0.join(", "))]
    Imports(Vec<String>),
    /// The component is for another version of the interface.
    #[error(
        "the policy exports {export}, but this program knows version {known} of outlast:policy; build it against that one"
    )]
    OtherVersion {
        /// The export.
        export: String,
        /// The version that this program knows.
        known: &'static str,
    },
    /// The component fills no slot.
    #[error("the policy fills no slot; export outlast:policy/adoption@{known}, retry or staleness")]
    NoSlot {
        /// The version that this program knows.
        known: &'static str,
    },
    /// An export has the right name and another type.
    #[error(
        "the policy fills the slot `{slot}` with a function of another type ({reason}); build it against the published WIT"
    )]
    WrongType {
        /// The slot.
        slot: Slot,
        /// Where the types differ.
        reason: String,
    },
    /// The component can't be instantiated within the limits of a decision.
    #[error("the policy doesn't start: {0}")]
    DoesNotStart(String),
    /// WebAssembly can't run here; the component is not to blame.
    #[error("WebAssembly can't run on this machine: {0}")]
    Engine(String),
}

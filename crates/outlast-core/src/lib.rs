//! The core of Outlast: online schema migrations for MySQL that outlast the server they started on.
//!
//! This crate holds what is true of every backend, and knows no MySQL driver, no WebAssembly and no command line:
//!
//! * the traits [`Topology`], [`Scheduler`], [`CheckpointStore`] and [`Stream`], whose documentation is their contract;
//! * [`Ledger`], which decides what to apply, hold and drop, and which position is true;
//! * [`engine`], which runs one migration's stream from preparation to cut-over, written once against the traits;
//! * [`Agent`], which finds the primary, adopts migrations and runs their streams;
//! * [`policy`], the decisions that a user may replace;
//! * [`Error`] and the one classification of errors, [`ErrorKind::response`].

pub mod agent;
pub mod check_up;
pub mod checkpoint;
pub mod clock;
#[cfg(any(test, feature = "test-util"))]
pub mod contract;
pub mod engine;
pub mod error;
mod failures;
pub mod gtid;
pub mod guard;
pub mod history;
pub mod ids;
pub mod intent;
pub mod key;
pub mod ledger;
#[cfg(any(test, feature = "test-util"))]
pub mod memory;
pub mod policy;
pub mod scheduler;
pub mod stream;
pub mod throttle;
pub mod topology;

pub use agent::Agent;
pub use checkpoint::CheckpointStore;
pub use clock::{Clock, SystemClock};
pub use error::{Error, ErrorKind, Response, Result};
pub use gtid::{Gtid, GtidSet};
pub use ids::{AgentId, Epoch, Incarnation, MigrationId, Server, ServerUuid};
pub use key::{Key, KeyRange};
pub use ledger::Ledger;
pub use scheduler::{Lease, Migration, Phase, Scheduler, Status};
pub use stream::Stream;
pub use topology::Topology;

//! What the MySQL backends of Outlast share: sessions whose server is verified, fenced transactions, quoting, and the one
//! translation of MySQL's errors into kinds.

pub mod classify;
mod connector;
mod fenced;
mod fitness;
mod install;
mod pools;
pub mod quote;
mod session;

pub use connector::{Connector, Purpose, Tls};
pub use fenced::{FencedTransaction, check_fence, check_locked_fence};
pub use fitness::unfit;
pub use install::{Tables, is_missing};
pub use pools::SessionPools;
pub use session::{PooledSession, Session, SessionPool};

/// The schema that holds all state of Outlast.
pub const STATE_SCHEMA: &str = "_outlast";

/// The tables in it, of all backends: they must replicate.
pub const STATE_TABLES: [&str; 9] = [
    "schema_version",
    "migrations",
    "fence",
    "events",
    "policies",
    "paths",
    "positions",
    "watermarks",
    "copied_ranges",
];

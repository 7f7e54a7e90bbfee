//! What the MySQL backends of Outlast share: sessions whose server is verified, fenced transactions, quoting, and the one
//! translation of MySQL's errors into kinds.

pub mod classify;
mod connector;
mod fenced;
mod install;
mod pools;
pub mod quote;
mod session;

pub use connector::{Connector, Purpose, Tls};
pub use fenced::{FencedTransaction, check_fence, check_locked_fence};
pub use install::{Tables, is_missing};
pub use pools::SessionPools;
pub use session::{PooledSession, Session, SessionPool};

/// The schema that holds all state of Outlast.
pub const STATE_SCHEMA: &str = "_outlast";

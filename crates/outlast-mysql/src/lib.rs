//! What the MySQL backends of Outlast share: sessions whose server is verified, fenced transactions, quoting, and the one
//! translation of MySQL's errors into kinds.

pub mod classify;
mod connector;
#[cfg(feature = "failpoints")]
pub mod failpoints;
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
pub const STATE_TABLES: [&str; 11] = [
    "schema_version",
    "migrations",
    "fence",
    "events",
    "policies",
    "paths",
    "adoptions",
    "limits",
    "positions",
    "watermarks",
    "copied_ranges",
];

/// A step that changes state: `failpoint!(session, Step::ChunkRows, session.run(sql).await)` is what the last expression is.
///
/// With the cargo feature `failpoints`, a point stands before it and, if it succeeded, one after it, which take the [`Step`] as name
/// (see [`failpoints`]). Where a point loses the reply, the first expression, a session or a pool, is declared lost. Without the
/// feature, the first two expressions are not even compiled.
///
/// [`Step`]: failpoints::Step
#[cfg(feature = "failpoints")]
#[macro_export]
macro_rules! failpoint {
    ($place:expr, $step:expr, $done:expr) => {{
        use $crate::failpoints::{Side, Step, reach};
        match reach($step, Side::Before).await {
            Ok(()) => match $done {
                Ok(done) => match reach($step, Side::After).await {
                    Ok(()) => Ok(done),
                    Err(error) => {
                        $place.declare_lost();
                        Err(error)
                    }
                },
                failed => failed,
            },
            Err(error) => {
                $place.declare_lost();
                Err(error)
            }
        }
    }};
}

/// A step that changes state. With the cargo feature `failpoints`, tests can interfere before and after it.
#[cfg(not(feature = "failpoints"))]
#[macro_export]
macro_rules! failpoint {
    ($place:expr, $step:expr, $done:expr) => {
        $done
    };
}

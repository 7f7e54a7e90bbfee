//! The contracts of the traits as tests, which every backend must pass.
//!
//! There is one suite for each trait. A suite is a module of async functions, each named as the promise that it checks; a
//! backend provides a fixture and stamps the suite's tests onto itself:
//!
//! ```ignore
//! outlast_core::contract::scheduler_suite!(MyFixture::start().await);
//! ```
//!
//! The expression is evaluated once for each test, inside its runtime. Fixtures may share a cluster: no test assumes an
//! empty one, and each uses migrations and tables of its own. A fixture whose methods disturb others (the topology's)
//! holds a lock for its life and brings the cluster into its starting state when it is made.
//!
//! What a fixture can't do is a panic, not an error: the test has failed then, for whatever reason.

pub mod checkpoint;
pub mod instant;
pub mod scheduler;
pub mod stream;
pub mod topology;

pub use crate::{checkpoint_suite, instant_suite, scheduler_suite, stream_suite, topology_suite};

use std::{future::Future, time::Duration};

use async_trait::async_trait;

use crate::{
    error::{Error, ErrorKind, Result},
    ids::{AgentId, Incarnation, MigrationId, Server},
    scheduler::{Options, Submission},
};

/// Longest that a test may take, start of its fixture excluded.
const TEST_TIMEOUT: Duration = Duration::from_secs(120);

/// The cluster that a fixture works on.
#[async_trait]
pub trait ClusterFixture: Send + Sync {
    /// The writable primary.
    fn primary(&self) -> Server;

    /// A replica of the primary, which takes no writes, not even from accounts with many privileges.
    fn replica(&self) -> Server;

    /// Returns once the replica has executed everything that the primary had executed before the call.
    async fn replicated(&self);

    /// A server that does not exist, at an address where nobody listens.
    fn nobody(&self) -> Server;
}

/// Runs one promise of a suite; for the macros.
///
/// # Errors
/// The promise's own error, and `Unknown` after two minutes.
#[doc(hidden)]
pub async fn keep(name: &str, promise: impl Future<Output = Result<()>>) -> Result<()> {
    let late = |_| {
        Err(Error::new(
            ErrorKind::Unknown,
            format!("{name} did not end within {TEST_TIMEOUT:?}"),
        ))
    };
    tokio::time::timeout(TEST_TIMEOUT, promise).await.unwrap_or_else(late)
}

/// One `#[tokio::test]` for each promise of a suite; for the macros.
#[doc(hidden)]
#[macro_export]
macro_rules! stamp_contract {
    ($fixture:expr, $suite:ident: $($promise:ident)*) => {
        $(
            #[::tokio::test]
            async fn $promise() -> $crate::Result<()> {
                let fixture = $fixture;
                let promise = $crate::contract::$suite::$promise(&fixture);
                $crate::contract::keep(stringify!($promise), promise).await
            }
        )*
    };
}

/// A submission with a fresh id, of a table that no other has.
fn fresh_submission() -> Submission {
    let id = MigrationId::from_random(rand::random());
    Submission {
        statement: format!("ALTER TABLE contract.t_{id} ENGINE=InnoDB"),
        schema: "contract".to_owned(),
        table: format!("t_{id}"),
        id,
        options: Options::default(),
        components: Vec::new(),
    }
}

fn fresh_agent() -> (AgentId, Incarnation) {
    let life = rand::random::<u64>();
    (AgentId::new("contract"), Incarnation::new(format!("{life:016x}")))
}

/// The kind of error that something failed with; `None` if it did not.
fn failure<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// The proof of an ending that needs none.
pub fn proven() -> crate::scheduler::Proof<'static> {
    Box::pin(async { Ok(()) })
}

#[cfg(test)]
mod tests {
    /// A promise that is not in its suite's macro would never be checked.
    #[test]
    fn every_promise_is_stamped() {
        for (suite, source) in [
            ("checkpoint", include_str!("contract/checkpoint.rs")),
            ("instant", include_str!("contract/instant.rs")),
            ("scheduler", include_str!("contract/scheduler.rs")),
            ("stream", include_str!("contract/stream.rs")),
            ("topology", include_str!("contract/topology.rs")),
        ] {
            let (_, stamped) = source.split_once("macro_rules!").expect("each suite has a macro");
            let (stamped, _) = stamped.split_once("\n}").expect("the macro ends");
            let stamped: Vec<&str> = stamped.split_whitespace().collect();
            let promises = source.lines().filter_map(|line| line.strip_prefix("pub async fn "));
            let mut count = 0;
            for promise in promises.filter_map(|line| line.split(['(', '<']).next()) {
                assert!(stamped.contains(&promise), "{suite}: {promise} is not stamped");
                count += 1;
            }
            assert!(count > 5, "{suite}: {count} promises were found");
        }
    }
}

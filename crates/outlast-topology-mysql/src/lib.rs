//! Finds the primary among MySQL servers, and reads what adoption must know about one.
//!
//! * [`MySqlTopology`] asks the servers which of the first two rules holds, at every look.
//! * [`ProbedList`]: servers with asynchronous or semi-synchronous replication; the one that takes writes is the primary.
//! * [`GroupReplication`]: the group says who its primary is.
//! * [`SingleEndpoint`]: one address behind which the primary changes (VIP, DNS name, proxy).
//!
//! All of them audit a cluster alike, before a migration begins: `audit`, for replication filters `filters`, for transactions that only
//! a replica has `errant`.
//!
//! Who asks before there is a migration is told more: `check_up`.
//!
//! * [`MySqlGauge`] measures how much the servers suffer, for throttling.
//!
//! What is asked is in `probe`; what follows from the answers is decided by pure functions in `verdict` and `group`.

mod audit;
mod backends;
mod check_up;
mod errant;
mod filters;
mod gauge;
mod group;
mod inspect;
mod lag;
mod probe;
mod servers;
mod verdict;

pub use backends::{GroupReplication, MySqlTopology, ProbedList, SingleEndpoint};
pub use gauge::MySqlGauge;

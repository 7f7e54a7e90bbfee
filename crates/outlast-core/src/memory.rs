//! A cluster in memory that behaves as MySQL does where it matters, and backends of every trait on top of it.
//!
//! With it the engine and the agent can be tested, and whole clusters simulated, without a server. What is modelled:
//!
//! * every change is a transaction with a GTID in a server's log, replicates by being read from there, and nothing else
//!   changes the data: tables, migrations, fences, checkpoints and history fail over together;
//! * a transaction may be *received before it is visible* (invariant I3): it stands in the log, readers of the binlog get
//!   it, and queries don't see it yet;
//! * XA transactions, whose rows become visible with `XA COMMIT`, and which hold row and table locks until then;
//! * replicas that lag, relay logs that are not applied, promotions that lose transactions, old primaries that return;
//! * table locks that end with their session, replies that are lost, commits that arrive late, sessions that end with their
//!   server;
//! * spells in which replicas lag, by which migrations are throttled;
//! * clients that are cut off or frozen, and a proxy that leads them to another server unasked.
//!
//! A table maps a `u64` key to a `u64` value. The statement of a migration is `ALTER TABLE [schema.]table` and anything;
//! if it contains `ADD UNIQUE`, values are unique in the shadow, otherwise the shadow takes everything; if it contains
//! `RENAME COLUMN`, it swaps the names of two columns, which the server can do at once, and which done twice is undone.
//!
//! Time stands still unless a [`ManualClock`] is advanced; with a paused tokio runtime it moves by itself when all tasks
//! wait. On a `current_thread` runtime everything is repeatable from the clock's seed.

mod changes;
mod checkpoints;
mod client;
mod clock;
mod cluster;
mod consistency;
mod cut_over;
mod data;
mod gauge;
mod history;
mod instant;
mod log;
mod look;
mod row_key;
mod scheduler;
mod server;
mod session;
mod signal;
mod stream;
mod topology;
mod utc;

pub use checkpoints::MemoryCheckpoints;
pub use clock::ManualClock;
pub use cluster::Cluster;
pub use data::TableName;
pub use gauge::MemoryGauge;
pub use row_key::{key, key_number};
pub use scheduler::MemoryScheduler;
pub use session::MemoryTransaction;
pub use stream::MemoryStream;
pub use topology::MemoryTopology;

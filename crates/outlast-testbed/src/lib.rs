//! Real MySQL servers for tests, the demo and the benchmark: found or unpacked without installing anything, started as
//! clusters, failed over and broken from outside, while an application writes and remembers what it was promised.
//!
//! ```no_run
//! use std::time::Duration;
//! use outlast_testbed::{Cluster, LoadOptions, RelayLog, TableName, Topology, WriteLoad, create_and_fill};
//!
//! # async fn example() -> anyhow::Result<()> {
//! let cluster = Cluster::start(Topology::SemiSync { nodes: 3 }).await?;
//! let table = TableName::new("test", "customers");
//! create_and_fill(&mut cluster.primary().connect().await?, &table, 10_000).await?;
//! let load = WriteLoad::start(cluster.primary_watch(), &table, LoadOptions::default()).await?;
//!
//! cluster.primary().kill9();
//! cluster.promote(cluster.best_candidate().await?, RelayLog::AppliedFirst).await?;
//! load.wait_for_progress(100, Duration::from_secs(10)).await?;
//!
//! let report = load.stop().await?;
//! assert!(report.unexplained_errors().is_empty());
//! report.verify_acknowledged(&mut cluster.primary().connect().await?).await?.expect_no_loss()?;
//! # Ok(())
//! # }
//! ```
//!
//! What there is:
//!
//! - [`Distribution`]: which `mysqld` to run. [`Cluster::start`] looks for one by itself.
//! - [`Cluster`] and [`Topology`]: servers that replicate, who of them is the primary, and all ways to change that:
//!   [`switchover`](Cluster::switchover), [`promote`](Cluster::promote), [`rejoin`](Cluster::rejoin),
//!   [`rebuild`](Cluster::rebuild), [`make_writable`](Cluster::make_writable), [`set_delay`](Cluster::set_delay),
//!   [`pause_applier`](Cluster::pause_applier), [`apply_until`](Cluster::apply_until), [`promote_alone`](Cluster::promote_alone),
//!   [`wait_for_new_group_primary`](Cluster::wait_for_new_group_primary).
//! - [`Node`]: one server: [`start`](Node::start), [`stop`](Node::stop), [`kill9`](Node::kill9),
//!   [`suspend`](Node::suspend), [`connect`](Node::connect), [`query`](Node::query).
//! - [`SmallDisk`]: a disk of a node that can be full.
//! - [`Proxy`]: one address for a primary that moves; a wire that can be cut or frozen.
//! - [`WriteLoad`] on a table made by [`create_and_fill`], and its [`LoadReport`].
//! - [`compare()`], [`compare_definitions`], [`expect_identical`] and [`native_copy()`]: whether a migrated table is what a
//!   native ALTER makes.
//! - [`certificates`]: for servers that encrypt.
//! - [`eventually`]: wait for a condition instead of sleeping for luck.
//!
//! Servers die with the process that started them, and their data go: by being dropped, and where the system has `setpriv`
//! and a shell, also when the process is killed or ends with a cluster in a `static`.

pub mod accounts;
pub mod certificates;
mod cluster;
mod compare;
mod debian;
mod directory;
mod disk;
mod distribution;
mod eventually;
mod failover;
mod folder;
mod group_replication;
mod load;
mod native_copy;
mod node;
mod port;
mod process;
mod proxy;
mod replication;
mod semi_sync;
mod table;
mod topology;
mod wires;

pub use cluster::{Cluster, ClusterBuilder};
pub use compare::{Comparison, compare, compare_definitions, expect_identical};
pub use disk::SmallDisk;
pub use distribution::{Distribution, Version};
pub use eventually::eventually;
pub use failover::{Rejoined, RelayLog};
pub use load::{LoadOptions, LoadReport, LostWrite, RowState, ServerErrors, Stall, Verification, WriteLoad};
pub use native_copy::native_copy;
pub use node::Node;
pub use proxy::Proxy;
pub use table::{TableName, create_and_fill};
pub use topology::Topology;

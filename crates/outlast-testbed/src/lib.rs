//! Real MySQL servers for tests, the demo and the benchmark.

pub mod accounts;
mod cluster;
mod debian;
mod distribution;
mod eventually;
mod failover;
mod group_replication;
mod node;
mod port;
mod process;
mod replication;
mod semi_sync;
mod topology;

pub use cluster::{Cluster, ClusterBuilder};
pub use distribution::{Distribution, Version};
pub use eventually::eventually;
pub use failover::{Rejoined, RelayLog};
pub use node::Node;
pub use topology::Topology;

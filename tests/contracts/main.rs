//! The contract suites of `outlast-core`, stamped onto the backends that work on real MySQL servers.
//!
//! Suites that disturb no server share a cluster; the topology's has one of its own. The servers live as long as this
//! process: see [`cluster`].

mod checkpoint;
mod cluster;
mod scheduler;
mod stream;
mod topology;

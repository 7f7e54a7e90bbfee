//! Checkpoints on MySQL, in tables on the cluster that is being migrated: every step is recorded in the transaction that
//! does it (invariant I1).
//!
//! Each applier and each chunk has a row of its own, so that replicas can apply the transactions of copy lanes and
//! appliers in parallel. **Lock order**: the watermark's row, then rows of chunks; positions are locked one at a time.

mod checkpoints;
mod fold;
mod load;
mod record;
mod schema;
mod stored_key;

pub use checkpoints::MySqlCheckpoints;

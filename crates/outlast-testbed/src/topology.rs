//! How the nodes of a cluster replicate.

/// How the nodes of a cluster replicate. Node 0 is the first primary; all others are read-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// One server.
    Single,
    /// GTID replication that waits for nobody: an emergency promotion may lose acknowledged transactions.
    AsyncGtid {
        /// How many servers, the primary included.
        nodes: usize,
    },
    /// GTID replication where a commit waits until one replica has received it (`AFTER_SYNC`), without a time limit.
    SemiSync {
        /// How many servers, the primary included.
        nodes: usize,
    },
    /// Group Replication in single-primary mode: the group elects the primary.
    GroupReplication {
        /// How many members; three at least, if the group shall survive the loss of one.
        nodes: usize,
    },
}

impl Topology {
    /// How many servers there are.
    #[must_use]
    pub fn nodes(self) -> usize {
        match self {
            Self::Single => 1,
            Self::AsyncGtid { nodes } | Self::SemiSync { nodes } | Self::GroupReplication { nodes } => nodes,
        }
    }

    pub(crate) fn is_group(self) -> bool {
        matches!(self, Self::GroupReplication { .. })
    }
}

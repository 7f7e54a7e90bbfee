//! What simulations look at: migrations on a server, and whether all is as it must be.

use crate::{
    ids::{Epoch, MigrationId, Server},
    scheduler::{Path, Phase, Status},
};

use super::{cluster::Cluster, consistency, data::TableName, history, log::Origin};

/// Looking at migrations.
impl Cluster {
    /// Status, phase and epoch of a migration as the server holds them.
    pub fn state_of(&self, server: &Server, id: &MigrationId) -> Option<(Status, Phase, Epoch)> {
        self.node(server, |node| {
            let stored = node.data.migrations.get(id)?;
            Some((stored.migration.status, stored.migration.phase, stored.migration.epoch))
        })
    }

    /// Status and last message of a migration as the server holds them.
    pub fn message_of(&self, server: &Server, id: &MigrationId) -> Option<(Status, String)> {
        self.node(server, |node| {
            let stored = node.data.migrations.get(id)?;
            Some((stored.migration.status, stored.migration.message.clone()))
        })
    }

    /// The path that is recorded of a migration, as the server holds it.
    pub fn path_of(&self, server: &Server, id: &MigrationId) -> Option<Path> {
        self.node(server, |node| node.data.migrations.get(id)?.migration.path)
    }

    /// Number of transactions in the server's log that no application wrote.
    pub fn written_by_backends(&self, server: &Server) -> usize {
        self.node(server, |node| {
            let of_backends = node.log.iter().filter(|logged| logged.origin == Origin::Backend);
            of_backends.count()
        })
    }

    /// Whether the new definition of a migration's table is in place.
    pub fn is_altered(&self, server: &Server, id: &MigrationId) -> bool {
        self.node(server, |node| {
            node.data.migrations.get(id).is_some_and(|stored| {
                let (source, retired) = (
                    TableName::source(&stored.migration),
                    TableName::retired(&stored.migration),
                );
                let source = node.data.tables.get(&source);
                node.data.tables.contains_key(&retired) || source.is_some_and(|table| table.swaps > 0)
            })
        })
    }

    /// Checks the server's whole history of a migration, and its tables against what the application wrote: no row lost,
    /// no epoch with two owners, no change made twice or reported falsely.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn check_history(&self, server: &Server, id: &MigrationId) -> Result<(), String> {
        self.node(server, |node| history::check(node, id))
    }

    /// Checks what must hold of all migrations on every server at every moment, however far it lags (invariant I5): the
    /// position is not ahead of the data, and finished ranges differ from the source only in keys changed after it.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn check(&self, server: &Server) -> Result<(), String> {
        self.node(server, |node| {
            node.data
                .migrations
                .keys()
                .try_for_each(|id| consistency::check(node, id))
        })
    }
}

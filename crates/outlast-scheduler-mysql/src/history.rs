//! The history of migrations: one line for each thing that happened, only ever appended to.

use mysql_async::Row;
use outlast_core::{Epoch, MigrationId, Result, ServerUuid, scheduler::Event};
use outlast_mysql::{Session, is_missing, quote};

use crate::{
    bounds::{self, cut},
    stored::field,
};

/// Something that happened.
pub(crate) struct Entry<'a> {
    pub(crate) migration: &'a MigrationId,
    pub(crate) epoch: Epoch,
    /// Empty for a user.
    pub(crate) agent: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) detail: &'a str,
}

/// Appends a line, in the session's transaction if one is open.
pub(crate) async fn append(session: &mut Session, entry: Entry<'_>) -> Result<()> {
    let sql = "INSERT INTO _outlast.events (migration, at, epoch, agent, server_uuid, kind, detail) \
               VALUES (?, UTC_TIMESTAMP(6), ?, ?, @@server_uuid, ?, ?)";
    let values = (
        entry.migration.as_str(),
        entry.epoch.0,
        cut(entry.agent, bounds::NAME),
        cut(entry.kind, bounds::KIND),
        cut(entry.detail, bounds::MESSAGE),
    );
    session.run_with(sql, values).await?;
    Ok(())
}

/// The epoch a migration is in; 0 if there is no such migration.
pub(crate) async fn epoch(session: &mut Session, id: &MigrationId) -> Result<Epoch> {
    let sql = format!(
        "SELECT epoch FROM _outlast.migrations WHERE id = {}",
        quote::text(id.as_str())
    );
    Ok(Epoch(session.first(&sql).await?.unwrap_or(0)))
}

/// All lines of a migration, oldest first.
pub(crate) async fn events(session: &mut Session, id: &MigrationId) -> Result<Vec<Event>> {
    let sql = format!(
        "SELECT CAST(at AS CHAR) AS at, epoch, agent, server_uuid, kind, detail FROM _outlast.events \
         WHERE migration = {} ORDER BY id",
        quote::text(id.as_str())
    );
    match session.rows(&sql).await {
        Err(error) if is_missing(&error) => Ok(Vec::new()),
        rows => rows?.into_iter().map(read).collect(),
    }
}

fn read(mut row: Row) -> Result<Event> {
    let row = &mut row;
    Ok(Event {
        at: field(row, "at")?,
        epoch: Epoch(field(row, "epoch")?),
        agent: field(row, "agent")?,
        server: ServerUuid::new(field::<String>(row, "server_uuid")?),
        kind: field(row, "kind")?,
        detail: field(row, "detail")?,
    })
}

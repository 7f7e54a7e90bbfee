//! The history of migrations: one line for each thing that happened; what repeats is one line with a count.

use mysql_async::Row;
use outlast_core::{Epoch, MigrationId, Result, ServerUuid, history, scheduler::Event};
use outlast_mysql::{Session, is_missing, quote};

use crate::{
    bounds::{self, cut},
    stored::field,
};

const COLUMNS: &str = "CAST(at AS CHAR) AS at, epoch, agent, server_uuid, kind, detail";

/// Something that happened.
pub(crate) struct Entry<'a> {
    pub(crate) migration: &'a MigrationId,
    pub(crate) epoch: Epoch,
    /// Empty for a user.
    pub(crate) agent: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) detail: &'a str,
}

/// Appends a line in the session's open transaction. One that says what a recent one has said takes its place.
pub(crate) async fn append(session: &mut Session, entry: Entry<'_>) -> Result<()> {
    let (agent, kind) = (cut(entry.agent, bounds::NAME), cut(entry.kind, bounds::KIND));
    let mut detail = cut(entry.detail, bounds::MESSAGE);
    // What users do is told each time.
    if !agent.is_empty() {
        let (ids, latest) = latest(session, entry.migration).await?;
        let here = ServerUuid::new(session.value::<String>("SELECT @@server_uuid").await?);
        if let Some(repeated) = history::repeated(&latest, &here, &agent, &kind, &detail) {
            let delete = "DELETE FROM _outlast.events WHERE id = ?";
            session.run_with(delete, (ids[repeated.place],)).await?;
            detail = repeated.detail;
        }
    }
    let sql = "INSERT INTO _outlast.events (migration, at, epoch, agent, server_uuid, kind, detail) \
               VALUES (?, UTC_TIMESTAMP(6), ?, ?, @@server_uuid, ?, ?)";
    let values = (entry.migration.as_str(), entry.epoch.0, agent, kind, detail);
    session.run_with(sql, values).await?;
    Ok(())
}

/// Appends a line in a transaction of its own. After an error, the session is to be closed.
pub(crate) async fn note(session: &mut Session, entry: Entry<'_>) -> Result<()> {
    session.run("START TRANSACTION").await?;
    append(session, entry).await?;
    session.run("COMMIT").await.map(drop)
}

/// The latest lines of a migration, newest first, and their ids.
async fn latest(session: &mut Session, id: &MigrationId) -> Result<(Vec<u64>, Vec<Event>)> {
    let sql = format!(
        "SELECT id, {COLUMNS} FROM _outlast.events WHERE migration = {} ORDER BY id DESC LIMIT {}",
        quote::text(id.as_str()),
        history::WINDOW
    );
    let rows: Vec<Row> = session.rows(&sql).await?;
    let read = |mut row: Row| Ok((field(&mut row, "id")?, read(row)?));
    let lines: Result<Vec<(u64, Event)>> = rows.into_iter().map(read).collect();
    Ok(lines?.into_iter().unzip())
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
        "SELECT {COLUMNS} FROM _outlast.events \
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

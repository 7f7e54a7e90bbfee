//! Migrations as they are stored.

use std::{str::FromStr, time::Duration};

use mysql_async::{Row, prelude::FromValue};
use outlast_core::{
    AgentId, Epoch, Error, ErrorKind, Incarnation, Migration, MigrationId, Result, ServerUuid,
    scheduler::{Owner, Path},
};
use outlast_mysql::{Session, is_missing, quote};

/// Ages come from the server's own clock, so that no other clock is compared with it. A liveness in its future (the
/// clock of the server that wrote it was ahead) is 0 old.
const COLUMNS: &str = "id, statement, schema_name, table_name, CAST(options AS CHAR) AS options, status, phase, \
    owner_agent, owner_incarnation, owner_server, epoch, failovers, retries, complete_requested, cancel_requested, \
    message, rows_copied, table_rows, eta_seconds, \
    CAST(GREATEST(TIMESTAMPDIFF(MICROSECOND, liveness, UTC_TIMESTAMP(6)), 0) AS UNSIGNED) AS liveness_age, \
    CAST(submitted_at AS CHAR) AS submitted_at, CAST(ended_at AS CHAR) AS ended_at";

/// Rows of a query on migrations; none where nothing is installed.
async fn select(session: &mut Session, condition: &str) -> Result<Vec<Migration>> {
    // Earlier versions have no table of paths.
    for path in [
        "(SELECT path FROM _outlast.paths WHERE migration = migrations.id)",
        "NULL",
    ] {
        let sql = format!("SELECT {COLUMNS}, {path} AS path FROM _outlast.migrations {condition}");
        match session.rows(&sql).await {
            Err(error) if is_missing(&error) => {}
            rows => return rows?.into_iter().map(read).collect(),
        }
    }
    Ok(Vec::new())
}

/// All migrations, oldest first; none where nothing is installed.
pub(crate) async fn list(session: &mut Session) -> Result<Vec<Migration>> {
    select(session, "ORDER BY migrations.submitted_at, id").await
}

/// One migration.
pub(crate) async fn find(session: &mut Session, id: &MigrationId) -> Result<Option<Migration>> {
    let condition = format!("WHERE id = {}", quote::text(id.as_str()));
    Ok(select(session, &condition).await?.pop())
}

/// The answer to a question about a migration that does not exist.
pub(crate) fn unknown(id: &MigrationId, session: &Session) -> Error {
    Error::new(
        ErrorKind::BadRequest,
        format!(
            "there is no migration {id} on {}; `outlast list` shows those there are",
            session.address()
        ),
    )
}

fn read(mut row: Row) -> Result<Migration> {
    let row = &mut row;
    let id: MigrationId = parsed(row, "id")?;
    Ok(Migration {
        statement: field(row, "statement")?,
        schema: field(row, "schema_name")?,
        table: field(row, "table_name")?,
        options: options(row, &id)?,
        status: parsed(row, "status")?,
        phase: parsed(row, "phase")?,
        path: path(row)?,
        owner: owner(row)?,
        epoch: Epoch(field(row, "epoch")?),
        failovers: field(row, "failovers")?,
        retries: field(row, "retries")?,
        liveness_age: Duration::from_micros(field(row, "liveness_age")?),
        complete_requested: field(row, "complete_requested")?,
        cancel_requested: field(row, "cancel_requested")?,
        message: field(row, "message")?,
        rows_copied: field(row, "rows_copied")?,
        table_rows: field(row, "table_rows")?,
        eta_seconds: field(row, "eta_seconds")?,
        submitted_at: field(row, "submitted_at")?,
        ended_at: field(row, "ended_at")?,
        id,
    })
}

fn owner(row: &mut Row) -> Result<Option<Owner>> {
    let agent: Option<String> = field(row, "owner_agent")?;
    let incarnation: Option<String> = field(row, "owner_incarnation")?;
    let server: Option<String> = field(row, "owner_server")?;
    Ok(match (agent, incarnation, server) {
        (Some(agent), Some(incarnation), Some(server)) => Some(Owner {
            agent: AgentId::new(agent),
            incarnation: Incarnation::new(incarnation),
            server: ServerUuid::new(server),
        }),
        _ => None,
    })
}

fn path(row: &mut Row) -> Result<Option<Path>> {
    match field::<Option<String>>(row, "path")? {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|error| {
            let what =
                "the stored path of a migration can't be read; a later version may have written it; nothing was done";
            Error::new(ErrorKind::Inconsistent, what).with_source(error)
        }),
    }
}

fn options(row: &mut Row, id: &MigrationId) -> Result<outlast_core::scheduler::Options> {
    let text: String = field(row, "options")?;
    serde_json::from_str(&text).map_err(|error| {
        let what = format!("the stored options of migration {id} can't be read; nothing was done with it");
        Error::new(ErrorKind::Inconsistent, what).with_source(error)
    })
}

/// A column's value.
pub(crate) fn field<T: FromValue>(row: &mut Row, name: &str) -> Result<T> {
    match row.take_opt(name) {
        Some(Ok(value)) => Ok(value),
        _ => Err(Error::new(
            ErrorKind::Inconsistent,
            format!("column {name} of a table in _outlast does not hold what this version writes there"),
        )),
    }
}

/// A column's value, read from its text.
pub(crate) fn parsed<T>(row: &mut Row, name: &str) -> Result<T>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: String = field(row, name)?;
    text.parse().map_err(|error| {
        let what = format!(
            "_outlast.migrations.{name} holds {:?}; a later version may have written it; nothing was done",
            crate::bounds::cut(&text, 80)
        );
        Error::new(ErrorKind::Inconsistent, what).with_source(error)
    })
}

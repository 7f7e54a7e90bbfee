//! Making the shadow table: the source's own definition, and MySQL's own ALTER on it.

use outlast_core::{Error, ErrorKind, Result};
use outlast_mysql::{Session, quote};

use crate::{plan::Plan, statement::AlterStatement, table::Table};

/// Creates `shadow_schema` with a table of the source's name and definition, and runs the statement's changes on it.
///
/// The schema gets the source schema's default character set and collation. What stood in it is dropped.
///
/// # Errors
/// `StatementRejected` with the server's words if it does not accept the change; `Refused` if the plan can't be made.
pub(crate) async fn create(
    session: &mut Session,
    shadow_schema: &str,
    schema: &str,
    table: &str,
    statement: &AlterStatement,
) -> Result<Plan> {
    let (charset, collation): (String, String) = session
        .first(&format!(
            "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA \
             WHERE SCHEMA_NAME = {}",
            quote::text(schema)
        ))
        .await?
        .ok_or_else(|| Error::new(ErrorKind::SourceChanged, format!("schema `{schema}` is not there")))?;
    let (_, definition): (String, String) = session
        .value(&format!("SHOW CREATE TABLE {}", quote::table(schema, table)))
        .await?;
    let shadow = quote::identifier(shadow_schema);
    session.run(&format!("DROP DATABASE IF EXISTS {shadow}")).await?;
    session
        .run(&format!(
            "CREATE DATABASE {shadow} CHARACTER SET {charset} COLLATE {collation}"
        ))
        .await?;
    session.run(&format!("USE {shadow}")).await?;
    session
        .run(&definition)
        .await
        .map_err(|e| e.context("creating the shadow table"))?;
    let alter = format!(
        "ALTER TABLE {} {}",
        quote::table(shadow_schema, table),
        statement.changes
    );
    session.run(&alter).await.map_err(|error| match error.kind() {
        ErrorKind::ServerGone | ErrorKind::NotPrimary | ErrorKind::Passing | ErrorKind::AccessDenied => error,
        _ => error
            .context("MySQL does not accept the change")
            .into_kind(ErrorKind::StatementRejected),
    })?;
    let source = Table::read(session, schema, table).await?;
    let shadow = Table::read(session, shadow_schema, table).await?;
    Plan::new(source, shadow, statement)
}

/// Drops a schema of ours if no table is left in it.
///
/// # Errors
/// Those of the server.
pub(crate) async fn drop_if_empty(session: &mut Session, schema: &str) -> Result<()> {
    let tables: u64 = session
        .value(&format!(
            "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {}",
            quote::text(schema)
        ))
        .await?;
    if tables == 0 {
        session
            .run(&format!("DROP DATABASE IF EXISTS {}", quote::identifier(schema)))
            .await?;
    }
    Ok(())
}

//! Making the shadow table: the source's own definition, and MySQL's own ALTER on it.

use outlast_core::{Error, ErrorKind, Result};
use outlast_mysql::{Session, quote};

use crate::{
    plan::Plan,
    statement::AlterStatement,
    table::{self, Table, bound_to, without_auto_increment},
};

/// Creates `shadow_schema` with a table of the source's name and definition, and runs the statement's changes on it.
///
/// The schema gets the source schema's default character set and collation. What stood in it is dropped.
///
/// Returns the plan, and the source's definition that the shadow was made of.
///
/// # Errors
/// `StatementRejected` with the server's words if it does not accept the change; `Refused` if the plan can't be made, or the
/// new table could not be swapped in.
pub(crate) async fn create(
    session: &mut Session,
    shadow_schema: &str,
    schema: &str,
    table: &str,
    statement: &AlterStatement,
) -> Result<(Plan, String)> {
    let (_, definition): (String, String) = session
        .value(&format!("SHOW CREATE TABLE {}", quote::table(schema, table)))
        .await?;
    create_schema(session, shadow_schema, schema).await?;
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
    check_new_table(session, shadow_schema, table).await?;
    let source = Table::read(session, schema, table).await?;
    let shadow = Table::read(session, shadow_schema, table).await?;
    let made_of = without_auto_increment(&definition);
    check_unaltered(session, schema, table, &made_of).await?;
    Ok((Plan::new(source, shadow, statement)?, made_of))
}

/// Creates an empty schema with the source schema's default character set and collation, and uses it. What stood in it is
/// dropped.
///
/// # Errors
/// `SourceChanged` if the source's schema is not there.
pub(crate) async fn create_schema(session: &mut Session, shadow_schema: &str, schema: &str) -> Result<()> {
    let (charset, collation): (String, String) = session
        .first(&format!(
            "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA \
             WHERE SCHEMA_NAME = {}",
            quote::text(schema)
        ))
        .await?
        .ok_or_else(|| Error::new(ErrorKind::SourceChanged, format!("schema `{schema}` is not there")))?;
    let shadow = quote::identifier(shadow_schema);
    session.run(&format!("DROP DATABASE IF EXISTS {shadow}")).await?;
    session
        .run(&format!(
            "CREATE DATABASE {shadow} CHARACTER SET {charset} COLLATE {collation}"
        ))
        .await?;
    session.run(&format!("USE {shadow}")).await?;
    Ok(())
}

/// Whoever alters the source before the position is read does not show in the changes after it.
///
/// # Errors
/// `Passing` if the source's definition is not any more what the shadow was made of.
pub(crate) async fn check_unaltered(session: &mut Session, schema: &str, table: &str, made_of: &str) -> Result<()> {
    if table::definition(session, schema, table).await? == made_of {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Passing,
        "the source table was altered while its shadow was created; the shadow is created again",
    ))
}

/// What the change made of the table must be such that it can be written in transactions and swapped in.
async fn check_new_table(session: &mut Session, schema: &str, table: &str) -> Result<()> {
    let engine: Option<String> = session
        .first(&format!(
            "SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
            quote::text(schema),
            quote::text(table)
        ))
        .await?;
    if engine.as_deref() != Some("InnoDB") {
        let engine = engine.unwrap_or_default();
        return Err(Error::new(
            ErrorKind::Refused,
            format!("the change makes it a table of engine {engine}; only InnoDB can be written in transactions"),
        ));
    }
    match bound_to(session, schema, table).await? {
        None => Ok(()),
        Some(what) => Err(Error::new(
            ErrorKind::Refused,
            format!("the change adds {what}; foreign keys are not supported yet: add it after the migration"),
        )),
    }
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

//! Making the shadow table: the source's own definition, and MySQL's own ALTER on it.

use outlast_core::{Error, ErrorKind, Result};
use outlast_mysql::{Session, failpoint, quote};

use crate::{
    foreign_keys::{self, ForeignKeys},
    indexes,
    lexer::tokens,
    notes::{self, Notes},
    plan::Plan,
    privileges::Privileges,
    statement::AlterStatement,
    table::{self, Table, without_auto_increment},
};

/// A shadow table that has just been made.
pub(crate) struct Shadow {
    pub(crate) plan: Plan,
    /// The source's definition that it was made of.
    pub(crate) made_of: String,
    pub(crate) notes: Notes,
}

/// Creates `shadow_schema` with a table of the source's name and definition, and runs the statement's changes on it.
///
/// The schema gets the source schema's default character set and collation. What stood in it is dropped.
///
/// With `defer_indexes`, it lacks those that can be built later. `moment` is as in [`Plan::read`].
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
    moment: &str,
    defer_indexes: bool,
) -> Result<Shadow> {
    let (_, definition): (String, String) = session
        .value(&format!("SHOW CREATE TABLE {}", quote::table(schema, table)))
        .await?;
    create_schema(session, shadow_schema, schema).await?;
    let source = Table::read(session, schema, table).await?;
    let keys = ForeignKeys::new(&definition, schema, table, statement)?;
    // A reference without schema would be bound to a table of the shadow's.
    let (_, without_keys) = foreign_keys::split(&definition, schema)?;
    failpoint!(
        session,
        Step::ShadowTable,
        create_as_defined(session, &without_keys).await
    )?;
    if table::definition(session, shadow_schema, table).await? != without_auto_increment(&without_keys) {
        return Err(Error::new(
            ErrorKind::Refused,
            "a table that is created from the source's definition gets another one on this server: a setting has changed since, such as \
             explicit_defaults_for_timestamp. Set it as it was when the table was created",
        ));
    }
    foreign_keys::bind_to_stand_ins(session, &source, shadow_schema, &keys).await?;
    let altered = quote::table(shadow_schema, table);
    let algorithm = failpoint!(session, Step::ShadowAlter, alter(session, &altered, statement).await)?;
    check_new_table(session, shadow_schema, table).await?;
    foreign_keys::unbind(session, &source, shadow_schema, &keys).await?;
    foreign_keys::drop_superseded_indexes(session, &source, shadow_schema, &keys, statement).await?;
    let (_, altered): (String, String) = session
        .value(&format!("SHOW CREATE TABLE {}", quote::table(shadow_schema, table)))
        .await?;
    let counter = table::auto_increment_of(&altered);
    let mut notes = Notes::begin(session, algorithm == Algorithm::InPlace, counter).await?;
    let plan = Plan::read(session, (schema, table), shadow_schema, statement, moment, &notes).await?;
    check_documents(&plan.source, &plan.shadow)?;
    notes.key_index = Some(plan.key.index.clone());
    if defer_indexes {
        notes.whole = indexes::take_off(session, shadow_schema, table, &plan.key.shadow_index).await?;
    }
    failpoint!(session, Step::ShadowNotes, notes.write(session, shadow_schema).await)?;
    let made_of = without_auto_increment(&definition);
    check_unaltered(session, schema, table, &made_of).await?;
    Ok(Shadow { plan, made_of, notes })
}

/// Runs a CREATE TABLE that gives the table no other key than it says.
///
/// # Errors
/// Those of the server; `AccessDenied` if the server would add a key, and the account may not tell it otherwise.
pub(crate) async fn create_as_defined(session: &mut Session, definition: &str) -> Result<()> {
    // An invisible primary key is what a new table gets that has none, not an altered one. Only then is anything set, for not every
    // account may set it.
    let generates = !has_primary_key(definition) && generates_keys(session).await?;
    if generates {
        let set = session
            .run("SET SESSION sql_generate_invisible_primary_key = OFF")
            .await;
        if let Err(error) = set {
            return Err(match error.kind() {
                ErrorKind::AccessDenied => Privileges::read(session).await?.missing_to_leave_keys_out(),
                _ => error,
            });
        }
    }
    session
        .run(definition)
        .await
        .map_err(|e| e.context("creating the shadow table"))?;
    if generates {
        session
            .run("SET SESSION sql_generate_invisible_primary_key = ON")
            .await?;
    }
    Ok(())
}

/// Whether the server gives a new table without a primary key an invisible one.
async fn generates_keys(session: &mut Session) -> Result<bool> {
    // Versions before 8.0.30 do not know the variable.
    let value: Option<(String, String)> = session
        .first("SHOW SESSION VARIABLES LIKE 'sql_generate_invisible_primary_key'")
        .await?;
    Ok(value.is_some_and(|(_, value)| value == "ON"))
}

/// Whether a table of this SHOW CREATE TABLE has a primary key. One that can't be read has none, which is to be on the safe side.
fn has_primary_key(definition: &str) -> bool {
    let all = tokens(definition, true).unwrap_or_default();
    all.windows(2)
        .any(|pair| pair[0].token.is("PRIMARY") && pair[1].token.is("KEY"))
}

/// How MySQL's own ALTER would do a change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    /// It leaves the values of rows as they are.
    InPlace,
    /// It writes every row anew.
    Copy,
}

/// Runs the statement's changes on a table, in place if MySQL can.
async fn alter(session: &mut Session, table: &str, statement: &AlterStatement) -> Result<Algorithm> {
    let changes = &statement.changes;
    let asked = statement.modifiers.algorithm.as_deref();
    if let (None, Some(bare)) = (asked, &statement.modifiers.bare) {
        // In front, because partitioning stands last.
        let in_place = format!("ALTER TABLE {table} ALGORITHM = INPLACE, {bare}");
        match session.run(&in_place).await {
            Ok(_) => return Ok(Algorithm::InPlace),
            Err(error) if !error.kind().is_about_the_statement() => return Err(error),
            // What it does not accept at all, it does not accept below either.
            Err(_) => {}
        }
    }
    match session.run(&format!("ALTER TABLE {table} {changes}")).await {
        Ok(_) if matches!(asked, Some("INPLACE" | "INSTANT")) => Ok(Algorithm::InPlace),
        Ok(_) => Ok(Algorithm::Copy),
        Err(error) => {
            Err(error.if_about_the_statement(ErrorKind::StatementRejected, "MySQL does not accept the change"))
        }
    }
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
    let create = format!("CREATE DATABASE {shadow} CHARACTER SET {charset} COLLATE {collation}");
    failpoint!(session, Step::ShadowSchema, session.run(&create).await)?;
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
    Ok(())
}

/// Drops a schema of ours if no table is left in it.
///
/// # Errors
/// Those of the server.
pub(crate) async fn drop_if_empty(session: &mut Session, schema: &str) -> Result<()> {
    let tables: u64 = session
        .value(&format!(
            "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME <> '{}'",
            quote::text(schema),
            notes::TABLE
        ))
        .await?;
    if tables == 0 {
        session
            .run(&format!("DROP DATABASE IF EXISTS {}", quote::identifier(schema)))
            .await?;
    }
    Ok(())
}

/// Numbers of documents in a column FTS_DOC_ID must rise; rows that are written again have old ones.
fn check_documents(source: &Table, shadow: &Table) -> Result<()> {
    let counts_documents = |table: &Table| {
        let has_column = table.columns.iter().any(|c| c.name.eq_ignore_ascii_case("FTS_DOC_ID"));
        has_column && table.indexes.iter().any(|i| i.is_special)
    };
    if counts_documents(source) || counts_documents(shadow) {
        return Err(Error::new(
            ErrorKind::Refused,
            "the table has a column FTS_DOC_ID for its FULLTEXT index, whose numbers InnoDB takes in rising order only, so \
             that rows can't be written again. Drop the FULLTEXT index, migrate, and create it again",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_primary_key_is_told_from_a_name_and_a_comment() {
        assert!(has_primary_key(
            "CREATE TABLE `t` (\n  `id` int NOT NULL,\n  PRIMARY KEY (`id`)\n)"
        ));
        let none =
            "CREATE TABLE `t` (\n  `PRIMARY` int NOT NULL COMMENT 'PRIMARY KEY',\n  UNIQUE KEY `KEY` (`PRIMARY`)\n)";
        assert!(!has_primary_key(none));
    }
}

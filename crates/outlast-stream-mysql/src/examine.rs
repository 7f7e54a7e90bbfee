//! What is checked before anything is changed.

use outlast_core::{
    Error, ErrorKind, Result,
    intent::Choice,
    scheduler::Path,
    stream::{Examination, Examined},
};
use outlast_mysql::{Session, failpoint, quote, unfit};

use crate::{
    foreign_keys, instant,
    key::CopyKey,
    lexer::{Token, tokens},
    plan::Plan,
    privileges::Privileges,
    rehearsal,
    shadow::{self, Shadow},
    space,
    statement::AlterStatement,
    table::{Table, bound_to},
};

/// Checks server, privileges, statement and table. The change itself is tried on tables with none or a few rows in schemas of their own,
/// which is dropped again.
///
/// # Errors
/// `Refused`, `AccessDenied`, `StatementRejected`; nothing is left behind.
pub(crate) async fn examine(session: &mut Session, request: &Examination, trial: &str) -> Result<Examined> {
    let statement = AlterStatement::parse(&request.statement)?;
    check_server(session).await?;
    let (schema, _) = target(&statement, request)?;
    check_reading(session, &request.statement).await?;
    check_owner(&schema, &statement.table)?;
    let privileges = Privileges::read(session).await?;
    privileges.expect_for(&schema)?;
    let (schema, table) = find_table(session, &schema, &statement.table).await?;
    check_table(session, &schema, &table).await?;
    for parents in foreign_keys::examine(session, &schema, &table).await? {
        privileges.expect_for_parents(&parents)?;
    }
    let table_rows = estimated_rows(session, &schema, &table).await?;
    if !request.allow_direct && instant::is_bound_to_instant(&statement) {
        return Err(refused(
            "the statement asks for ALGORITHM=INSTANT, and --no-instant for a copy; leave one of them out".to_owned(),
        ));
    }
    let choice = match request.allow_direct {
        true => instant::propose(session, trial, &schema, &table, &statement).await?,
        false => Choice::Copy {
            reason: "it was asked for (--no-instant)".to_owned(),
        },
    };
    let why_copied = match choice {
        Choice::Copy { reason } => reason,
        Choice::Direct(intent) => {
            return Ok(Examined {
                schema,
                table,
                table_rows,
                path: intent.path,
                why_copied: String::new(),
                direct: Some(intent.statement),
                key: String::new(),
                key_columns: Vec::new(),
                columns: Vec::new(),
                space: None,
            });
        }
    };
    let source = Table::read(session, &schema, &table).await?;
    // Only the source's own keys count here; that the shadow has one too shows in the trial.
    CopyKey::choose(&source, &source, |name| Some(name.to_owned()), None)?;
    let space = space::check(session, &schema, &table, request.ignore_disk_space).await?;
    let tried = try_copy(session, (&schema, &table), &statement, trial, request.defer_indexes).await;
    let dropped = failpoint!(session, Step::SubmitDropTrial, drop_trial(session, trial).await);
    let plan = tried?;
    dropped?;
    Ok(Examined {
        table_rows,
        schema,
        table,
        path: Path::Copy,
        why_copied,
        direct: None,
        columns: plan.column_changes(&statement),
        key_columns: plan.key.columns.into_iter().map(|c| c.source).collect(),
        key: plan.key.index,
        space: Some(space),
    })
}

/// The table of the statement, as that writes it.
///
/// # Errors
/// `Refused` if no schema is named.
pub(crate) fn target(statement: &AlterStatement, request: &Examination) -> Result<(String, String)> {
    let schema = statement.schema.clone().or_else(|| request.default_schema.clone());
    let schema = schema.ok_or_else(|| {
        refused("the statement names no schema; write ALTER TABLE schema.table …, or give --database".to_owned())
    })?;
    Ok((schema, statement.table.clone()))
}

/// Drops what a trial made, if it is still there.
///
/// # Errors
/// Those of the server.
pub(crate) async fn drop_trial(session: &mut Session, trial: &str) -> Result<()> {
    let mut dropped = Ok(0);
    for schema in [trial, &native_schema(trial)] {
        let drop = format!("DROP DATABASE IF EXISTS {}", quote::identifier(schema));
        dropped = dropped.and(session.run(&drop).await);
    }
    dropped.map(|_| ())
}

/// The schema in which MySQL's own ALTER is tried.
fn native_schema(trial: &str) -> String {
    format!("{trial}_native")
}

/// Makes the shadow for a trial, and copies a few rows to see whether they become what MySQL's own ALTER makes of them.
/// Returns how rows would be copied.
async fn try_copy(
    session: &mut Session,
    (schema, table): (&str, &str),
    statement: &AlterStatement,
    trial: &str,
    defer_indexes: bool,
) -> Result<Plan> {
    let moment: String = session.value("SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)").await?;
    let Shadow { plan, made_of, .. } =
        shadow::create(session, trial, schema, table, statement, &moment, defer_indexes).await?;
    // Foreign keys are tried with stand-ins for the parents, which have no rows.
    let (keys, definition) = foreign_keys::split(&made_of, schema)?;
    if keys.is_empty() {
        rehearsal::rehearse(session, &plan, &definition, &native_schema(trial), statement).await?;
    }
    Ok(plan)
}

/// The optimizer's estimate of a table's rows.
///
/// # Errors
/// Those of the server.
pub(crate) async fn estimated_rows(session: &mut Session, schema: &str, table: &str) -> Result<u64> {
    let rows: Option<Option<u64>> = session
        .first(&format!(
            "SELECT TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
            quote::text(schema),
            quote::text(table)
        ))
        .await?;
    Ok(rows.flatten().unwrap_or(0))
}

/// Refuses what the server would read otherwise than the sessions that do the work, or would compute for its session.
async fn check_reading(session: &mut Session, statement: &str) -> Result<()> {
    let mode: String = session.value("SELECT @@GLOBAL.sql_mode").await?;
    let has = |name: &str| mode.split(',').any(|m| m == name);
    let readings = [
        (
            "ANSI_QUOTES",
            "\"",
            "a double quote: write names in backquotes and texts in single quotes",
        ),
        ("PIPES_AS_CONCAT", "||", "||: write CONCAT() or OR"),
        ("NO_BACKSLASH_ESCAPES", "\\", "a backslash: write the text without it"),
        (
            "PAD_CHAR_TO_FULL_LENGTH",
            "",
            "no say in how CHAR values are padded: take that out of the global sql_mode",
        ),
    ];
    for (name, sign, advice) in readings {
        if has(name) && statement.contains(sign) {
            return Err(refused(format!(
                "the server's sql_mode has {name}, under which the statement would mean something else than here; it has {advice}"
            )));
        }
    }
    let all = tokens(statement, true).unwrap_or_default();
    let call = all.windows(2).find(|pair| {
        let words = ["DATABASE", "SCHEMA", "CONNECTION_ID"];
        words.iter().any(|word| pair[0].token.is(word)) && pair[1].token == Token::Symbol('(')
    });
    match call.and_then(|pair| pair[0].token.name()) {
        None => Ok(()),
        Some(function) => Err(refused(format!(
            "the statement asks for {function}(), which is another one in each of the sessions that copy rows; write the value itself"
        ))),
    }
}

async fn check_server(session: &mut Session) -> Result<()> {
    match unfit(session).await? {
        Some(why) => Err(refused(why)),
        None => Ok(()),
    }
}

async fn find_table(session: &mut Session, schema: &str, table: &str) -> Result<(String, String)> {
    let found: Option<(String, String, String, Option<String>)> = session
        .first(&format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
            quote::text(schema),
            quote::text(table)
        ))
        .await?;
    let shown = quote::table(schema, table);
    match found {
        None => Err(refused(format!(
            "there is no table {shown}; check the name, or give --database"
        ))),
        Some((_, _, kind, _)) if kind != "BASE TABLE" => Err(refused(format!(
            "{shown} is a {}, not a table; name the table that is to be changed",
            kind.to_lowercase()
        ))),
        Some((_, _, _, Some(engine))) if engine != "InnoDB" => Err(refused(format!(
            "{shown} is a table of engine {engine}; only InnoDB can be copied while it is written. Convert it first"
        ))),
        Some((schema, table, ..)) => check_owner(&schema, &table).map(|()| (schema, table)),
    }
}

/// Refuses tables that are not the application's.
fn check_owner(schema: &str, table: &str) -> Result<()> {
    match is_system(schema) {
        false => Ok(()),
        true => Err(refused(format!(
            "{} belongs to the server or to Outlast itself; only tables of applications are migrated",
            quote::table(schema, table)
        ))),
    }
}

fn is_system(schema: &str) -> bool {
    let schema = schema.to_lowercase();
    matches!(
        schema.as_str(),
        "mysql" | "sys" | "information_schema" | "performance_schema"
    ) || schema.starts_with("_outlast")
}

async fn check_table(session: &mut Session, schema: &str, table: &str) -> Result<()> {
    match bound_to(session, schema, table).await? {
        None => Ok(()),
        Some(what) => Err(refused(format!(
            "{} has {what}, which the swap would leave with the retired table; triggers, and foreign keys of other tables to \
             this one, are not supported yet. Drop it, migrate, and create it again",
            quote::table(schema, table)
        ))),
    }
}

fn refused(why: String) -> Error {
    Error::new(ErrorKind::Refused, why)
}

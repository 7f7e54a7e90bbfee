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
    rehearsal, shadow, space,
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
    check_privileges(session, &schema).await?;
    let (schema, table) = find_table(session, &schema, &statement.table).await?;
    check_table(session, &schema, &table).await?;
    for parents in foreign_keys::examine(session, &schema, &table).await? {
        check_privileges_on(session, &parents, &foreign_keys::PRIVILEGES).await?;
    }
    let table_rows = estimated_rows(session, &schema, &table).await?;
    if !request.allow_direct && instant::is_bound_to_instant(&statement) {
        return Err(refused(
            "the statement asks for ALGORITHM=INSTANT, and --no-instant for a copy; leave one of them out".to_owned(),
        ));
    }
    if request.allow_direct
        && let Choice::Direct(intent) = instant::propose(session, trial, &schema, &table, &statement).await?
    {
        return Ok(Examined {
            schema,
            table,
            table_rows,
            key_columns: Vec::new(),
            path: intent.path,
            space: None,
        });
    }
    let source = Table::read(session, &schema, &table).await?;
    // Only the source's own keys count here; that the shadow has one too shows in the trial.
    CopyKey::choose(&source, &source, |name| Some(name.to_owned()), None)?;
    let space = space::check(session, &schema, &table, request.ignore_disk_space).await?;
    let tried = try_copy(session, (&schema, &table), &statement, trial).await;
    let dropped = failpoint!(session, Step::SubmitDropTrial, drop_trial(session, trial).await);
    let key_columns = tried?;
    dropped?;
    Ok(Examined {
        table_rows,
        schema,
        table,
        key_columns,
        path: Path::Copy,
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
/// Returns the columns of the key to copy by.
async fn try_copy(
    session: &mut Session,
    (schema, table): (&str, &str),
    statement: &AlterStatement,
    trial: &str,
) -> Result<Vec<String>> {
    let moment: String = session.value("SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)").await?;
    let (plan, made_of) = shadow::create(session, trial, schema, table, statement, &moment).await?;
    // Foreign keys are tried with stand-ins for the parents, which have no rows.
    let (keys, definition) = foreign_keys::split(&made_of, schema)?;
    if keys.is_empty() {
        rehearsal::rehearse(session, &plan, &definition, &native_schema(trial), statement).await?;
    }
    Ok(plan.key.columns.into_iter().map(|c| c.source).collect())
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

/// Privileges on all schemas, the table's, and Outlast's own. The names are those of SHOW GRANTS.
async fn check_privileges(session: &mut Session, schema: &str) -> Result<()> {
    let grants: Vec<String> = session.rows("SHOW GRANTS").await?;
    let user: String = session.value("SELECT CURRENT_USER()").await?;
    let global = |privilege: &str| grants.iter().any(|g| grants_it(g, privilege, &|on| on == "*.*"));
    // Without PROCESS and TRIGGER, foreign keys and triggers would not be seen.
    for privilege in ["PROCESS", "REPLICATION SLAVE", "REPLICATION CLIENT", "XA_RECOVER_ADMIN"] {
        if !global(privilege) {
            return Err(missing(privilege, "*.*", &user));
        }
    }
    let scopes = [
        (
            schema.to_owned(),
            &["SELECT", "INSERT", "ALTER", "CREATE", "DROP", "LOCK TABLES", "TRIGGER"][..],
        ),
        (
            "_outlast_new_0".to_owned(),
            &[
                "SELECT",
                "INSERT",
                "UPDATE",
                "DELETE",
                "ALTER",
                "CREATE",
                "DROP",
                "LOCK TABLES",
                "CREATE TEMPORARY TABLES",
            ][..],
        ),
    ];
    for (schema, privileges) in scopes {
        check_privileges_on(session, &schema, privileges).await?;
    }
    Ok(())
}

async fn check_privileges_on(session: &mut Session, schema: &str, privileges: &[&str]) -> Result<()> {
    let grants: Vec<String> = session.rows("SHOW GRANTS").await?;
    let user: String = session.value("SELECT CURRENT_USER()").await?;
    for privilege in privileges {
        let covers = |on: &str| on == "*.*" || covers_schema(on, schema);
        if !grants.iter().any(|g| grants_it(g, privilege, &covers)) {
            let on = if schema.starts_with("_outlast") {
                "`\\_outlast%`.*"
            } else {
                &format!("`{schema}`.*")
            };
            return Err(missing(privilege, on, &user));
        }
    }
    Ok(())
}

/// Whether a line of SHOW GRANTS gives the privilege on something that `covers` accepts.
fn grants_it(grant: &str, privilege: &str, covers: &dyn Fn(&str) -> bool) -> bool {
    let Some((privileges, on)) = grant.strip_prefix("GRANT ").and_then(|g| g.split_once(" ON ")) else {
        return false;
    };
    let Some((on, _)) = on.split_once(" TO ") else {
        return false;
    };
    // Dynamic privileges (with an underscore) stand in a line of their own and are not part of ALL.
    let all = privileges == "ALL PRIVILEGES" && !privilege.contains('_');
    (all || privileges.split(',').any(|p| p.trim() == privilege)) && covers(on)
}

/// Whether `` `pattern`.* `` of a grant covers the schema; `_` and `%` are wildcards unless escaped.
fn covers_schema(on: &str, schema: &str) -> bool {
    let Some(pattern) = on.strip_prefix('`').and_then(|p| p.strip_suffix("`.*")) else {
        return false;
    };
    let pattern: Vec<char> = pattern.replace("``", "`").chars().collect();
    like(&pattern, &schema.chars().collect::<Vec<_>>())
}

fn like(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|n| like(rest, &text[n..])),
        ['\\', c, rest @ ..] | [c, rest @ ..] => {
            let wild = *c == '_' && pattern[0] != '\\';
            matches!(text, [first, others @ ..] if (wild || first == c) && like(rest, others))
        }
    }
}

fn missing(privilege: &str, on: &str, user: &str) -> Error {
    let account = user
        .rsplit_once('@')
        .map_or(user.to_owned(), |(name, host)| format!("'{name}'@'{host}'"));
    Error::new(
        ErrorKind::AccessDenied,
        format!("user {account} lacks the privilege {privilege}: run GRANT {privilege} ON {on} TO {account}"),
    )
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
        Some((schema, table, ..)) if is_system(&schema) => Err(refused(format!(
            "{} belongs to the server or to Outlast itself; only tables of applications are migrated",
            quote::table(&schema, &table)
        ))),
        Some((schema, table, ..)) => Ok((schema, table)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_read_as_the_server_writes_them() {
        let all = "GRANT SELECT, INSERT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `u`@`%` WITH GRANT OPTION";
        let everywhere = |on: &str| on == "*.*";
        assert!(grants_it(all, "REPLICATION SLAVE", &everywhere));
        assert!(!grants_it(all, "LOCK TABLES", &everywhere));
        assert!(!grants_it(
            "GRANT ALL PRIVILEGES ON *.* TO `u`@`%`",
            "XA_RECOVER_ADMIN",
            &everywhere
        ));
        assert!(grants_it(
            "GRANT ALL PRIVILEGES ON *.* TO `u`@`%`",
            "SELECT",
            &everywhere
        ));
    }

    #[test]
    fn wildcards_of_schemas_are_honoured() {
        assert!(covers_schema("`\\_outlast%`.*", "_outlast_new_0"));
        assert!(!covers_schema("`\\_outlast%`.*", "xoutlast"));
        assert!(covers_schema("`_hop`.*", "shop"));
        assert!(covers_schema("`shop`.*", "shop"));
        assert!(!covers_schema("`shop`.`t`", "shop"));
    }
}

//! MySQL's own ALTER on a few of the table's rows, and the copy of the same rows, compared to the byte.
//!
//! The ALTER is the judge of what a change makes of a table. Where it fails over these rows, or where a copy would give
//! another result, the migration is refused before it begins.

use outlast_core::{Error, ErrorKind, Key, Result};
use outlast_mysql::{Session, quote};

use crate::{key::Side, plan::Plan, shadow, statement::AlterStatement, table::Column};

/// Most rows from each end of the table.
const MOST_ROWS: u64 = 100;
/// Of long rows, fewer: about as many as make this many bytes.
const MANY_BYTES: u64 = 4 << 20;

/// Copies the rows at both ends of the source into the empty table `plan.shadow`, has MySQL alter a table with the same rows in
/// `native_schema` (which the caller drops), and compares.
///
/// `definition` is the source's, without foreign keys. A duplicate is no finding: the application may resolve it yet.
///
/// # Errors
/// `Refused` if MySQL's ALTER fails, the copy fails, or they differ.
pub(crate) async fn rehearse(
    session: &mut Session,
    plan: &Plan,
    definition: &str,
    native_schema: &str,
    statement: &AlterStatement,
) -> Result<()> {
    let keys = sample(session, plan).await?;
    if keys.is_empty() {
        return Ok(());
    }
    shadow::create_schema(session, native_schema, &plan.source.schema).await?;
    shadow::create_as_defined(session, definition).await?;
    let native = quote::table(native_schema, &plan.source.name);
    session.run(&plan.insert_as_is(&native, &keys)?).await?;
    // From the clone: the application may change the source between two statements.
    let mut from_clone = plan.clone();
    native_schema.clone_into(&mut from_clone.source.schema);
    let copied = session.run(&from_clone.insert(&keys)?).await;
    let altered = alter(session, plan, &native, statement).await;
    match (altered, copied) {
        (Ok(()), Ok(_)) => compare(session, plan, &native).await,
        (Err(error), _) | (_, Err(error)) if error.kind() == ErrorKind::Duplicate => Ok(()),
        (Err(error), _) => Err(error.if_about_the_statement(
            ErrorKind::Refused,
            "MySQL's own ALTER fails over rows of this table, so nothing was begun",
        )),
        (Ok(()), Err(error)) => Err(error.if_about_the_statement(
            ErrorKind::Refused,
            "MySQL's own ALTER takes rows of this table that a copy does not, so nothing was begun",
        )),
    }
}

/// Keys of the first and the last rows.
async fn sample(session: &mut Session, plan: &Plan) -> Result<Vec<Key>> {
    let length: Option<Option<u64>> = session
        .first(&format!(
            "SELECT AVG_ROW_LENGTH FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
            quote::text(&plan.source.schema),
            quote::text(&plan.source.name)
        ))
        .await?;
    let rows = (MANY_BYTES / length.flatten().unwrap_or(0).max(1)).clamp(1, MOST_ROWS);
    let mut keys = Vec::new();
    for query in plan.ends(rows) {
        let rows: Vec<mysql_async::Row> = session.rows(&query).await?;
        for row in rows {
            keys.push(plan.key.read_row(row)?);
        }
    }
    keys.sort();
    keys.dedup();
    // Written out, in hexadecimal and up to three times, they must fit into one packet.
    let packet: usize = session.value("SELECT @@SESSION.max_allowed_packet").await?;
    let mut bytes = 0;
    keys.retain(|key| {
        bytes += 8 * key.value().len() + 100;
        bytes < packet / 2
    });
    Ok(keys)
}

/// Runs the user's changes as a session of theirs would, at the migration's moment.
async fn alter(session: &mut Session, plan: &Plan, table: &str, statement: &AlterStatement) -> Result<()> {
    let mode: String = session.value("SELECT @@SESSION.sql_mode").await?;
    let keeps_zero: bool = session
        .value("SELECT @@GLOBAL.sql_mode LIKE '%NO_AUTO_VALUE_ON_ZERO%'")
        .await?;
    let is_own = |name: &&str| keeps_zero || *name != "NO_AUTO_VALUE_ON_ZERO";
    let own = mode.split(',').filter(is_own).collect::<Vec<_>>().join(",");
    session
        .run(&format!("SET SESSION sql_mode = '{own}', timestamp = {}", plan.moment))
        .await?;
    let altered = session.run(&format!("ALTER TABLE {table} {}", statement.changes)).await;
    session
        .run(&format!("SET SESSION sql_mode = '{mode}', timestamp = DEFAULT"))
        .await?;
    altered.map(|_| ())
}

/// Compares the altered table with the copy, column by column.
async fn compare(session: &mut Session, plan: &Plan, native: &str) -> Result<()> {
    let columns = &plan.shadow.columns;
    let exact: Vec<String> = columns.iter().map(exact_value).collect();
    let select = |table: &str| {
        format!(
            "SELECT {} FROM {table} ORDER BY {}",
            exact.join(", "),
            plan.key.order_by(Side::Shadow, false)
        )
    };
    let by_alter: Vec<mysql_async::Row> = session.rows(&select(native)).await?;
    let by_copy: Vec<mysql_async::Row> = session.rows(&select(&plan.shadow.quoted())).await?;
    if by_alter.len() != by_copy.len() {
        return Err(Error::new(
            ErrorKind::Refused,
            format!(
                "of a sample of rows, MySQL's own ALTER leaves {}, and a copy {}; nothing was begun",
                by_alter.len(),
                by_copy.len()
            ),
        ));
    }
    for (altered, copied) in by_alter.into_iter().zip(by_copy) {
        let (altered, copied) = (altered.unwrap(), copied.unwrap());
        if let Some(at) = (0..columns.len()).find(|&at| altered.get(at) != copied.get(at)) {
            return Err(Error::new(
                ErrorKind::Refused,
                format!(
                    "column `{}` would get other values than by MySQL's own ALTER, so nothing was begun. Change this column \
                     by an ALTER TABLE of its own, or in steps, by way of another type",
                    columns[at].name
                ),
            ));
        }
    }
    Ok(())
}

/// An expression that is equal for two values if, and only if, their bytes are.
fn exact_value(column: &Column) -> String {
    let name = quote::identifier(&column.name);
    match column.data_type.as_str() {
        "float" => format!("CAST({name} AS DOUBLE)"),
        "enum" | "set" | "bit" => format!("CAST({name} AS UNSIGNED)"),
        "json" => format!("SHA2(CAST({name} AS CHAR), 256)"),
        "char" | "varchar" | "binary" | "varbinary" => format!("HEX({name})"),
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "double" | "date" | "datetime"
        | "time" | "year" => format!("CAST({name} AS CHAR)"),
        "timestamp" => format!("CAST(UNIX_TIMESTAMP({name}) AS CHAR)"),
        // Texts, blobs, spatial values and vectors, which may be long.
        _ => format!("SHA2({name}, 256)"),
    }
}

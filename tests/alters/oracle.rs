//! MySQL's own answer: a clone of the schema, and the same ALTER run on it by the server.

use anyhow::{Context, Result, ensure};
use mysql_async::{Conn, prelude::Queryable};
use outlast_testbed::{Node, TableName, compare};

use crate::player::AS_CLIENTS_DO;

/// Which part of the tables a clone gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    All,
    None,
}

/// Makes a schema with the same tables: same names, same definitions, names of constraints and next AUTO_INCREMENT values
/// included. Nothing of it goes to the binlog.
pub(crate) async fn clone_schema(node: &Node, from: &str, to: &str, rows: Rows) -> Result<()> {
    let mut conn = node.connect().await?;
    // What is in a table goes into its clone, zero dates and the id 0 included; a table may be cloned before its parent.
    conn.query_drop(
        "SET SESSION sql_log_bin = OFF, foreign_key_checks = OFF, unique_checks = OFF, \
         sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'",
    )
    .await?;
    create_schema_like(&mut conn, from, to).await?;
    conn.query_drop(format!("USE {to}")).await?;
    for table in tables(&mut conn, from).await? {
        let (from, to) = (TableName::new(from, &table), TableName::new(to, &table));
        let clone = async {
            let definition = definition(&mut conn, &from).await?;
            conn.query_drop(definition).await?;
            if rows == Rows::All {
                copy_rows(&mut conn, &from, &to).await?;
            }
            anyhow::Ok(())
        };
        clone.await.with_context(|| format!("cloning {from}"))?;
    }
    conn.disconnect().await?;
    Ok(())
}

async fn create_schema_like(conn: &mut Conn, from: &str, to: &str) -> Result<()> {
    let (charset, collation): (String, String) = conn
        .exec_first(
            "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA \
             WHERE SCHEMA_NAME = ?",
            (from,),
        )
        .await?
        .with_context(|| format!("there is no schema {from}"))?;
    conn.query_drop(format!("DROP DATABASE IF EXISTS {to}")).await?;
    conn.query_drop(format!(
        "CREATE DATABASE {to} CHARACTER SET {charset} COLLATE {collation}"
    ))
    .await?;
    Ok(())
}

/// The names of a schema's tables, without views.
pub(crate) async fn tables(conn: &mut Conn, schema: &str) -> Result<Vec<String>> {
    let sql = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_TYPE = 'BASE TABLE' ORDER BY 1";
    Ok(conn.exec(sql, (schema,)).await?)
}

/// The whole text of SHOW CREATE TABLE.
pub(crate) async fn definition(conn: &mut Conn, table: &TableName) -> Result<String> {
    let row: Option<(String, String)> = conn.query_first(format!("SHOW CREATE TABLE {table}")).await?;
    Ok(row.with_context(|| format!("{table} is no table"))?.1)
}

async fn copy_rows(conn: &mut Conn, from: &TableName, to: &TableName) -> Result<()> {
    let columns: Vec<String> = conn
        .exec(
            "SELECT CONCAT('`', REPLACE(COLUMN_NAME, '`', '``'), '`') FROM information_schema.COLUMNS \
             WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND GENERATION_EXPRESSION = '' ORDER BY ORDINAL_POSITION",
            (&from.schema, &from.table),
        )
        .await?;
    let columns = columns.join(", ");
    conn.query_drop(format!("INSERT INTO {to} ({columns}) SELECT {columns} FROM {from}"))
        .await?;
    Ok(())
}

/// Runs an ALTER in a schema, in a session like any other. The inner error is the server's.
pub(crate) async fn alter_natively(
    node: &Node,
    schema: &str,
    alter: &str,
) -> Result<Result<(), mysql_async::ServerError>> {
    let mut conn = node.connect().await?;
    conn.query_drop(AS_CLIENTS_DO).await?;
    conn.query_drop(format!("USE {schema}")).await?;
    conn.query_drop("SET SESSION sql_log_bin = OFF").await?;
    let outcome = match conn.query_drop(alter).await {
        Ok(()) => Ok(()),
        Err(mysql_async::Error::Server(error)) => Err(error),
        Err(error) => return Err(error).context("the native ALTER"),
    };
    conn.disconnect().await?;
    Ok(outcome)
}

/// Compares all tables of two schemas: which there are, their whole definitions, their columns, each byte of each row.
pub(crate) async fn expect_same(node: &Node, expected: &str, found: &str) -> Result<()> {
    let mut conn = node.connect().await?;
    let (expected_tables, found_tables) = (tables(&mut conn, expected).await?, tables(&mut conn, found).await?);
    ensure!(
        expected_tables == found_tables,
        "the tables are {found_tables:?}, not {expected_tables:?}"
    );
    for table in expected_tables {
        let (expected, found) = (TableName::new(expected, &table), TableName::new(found, &table));
        let (should, is) = (
            definition(&mut conn, &expected).await?,
            definition(&mut conn, &found).await?,
        );
        ensure!(
            should == is,
            "`{table}` is defined differently (- as it should be, + as it is):\n{}",
            differing_lines(&should, &is)
        );
        compare(&mut conn, &expected, &found)
            .await?
            .expect_same()
            .with_context(|| format!("the rows of `{table}` differ (left: as they should be, right: as they are)"))?;
    }
    conn.disconnect().await?;
    Ok(())
}

/// The lines that only one text has.
fn differing_lines(should: &str, is: &str) -> String {
    let only = |these: &str, those: &str, sign: &str| {
        let those: Vec<&str> = those.lines().collect();
        let lines = these.lines().filter(|line| !those.contains(line));
        lines.map(|line| format!("  {sign} {line}\n")).collect::<String>()
    };
    let lines = only(should, is, "-") + &only(is, should, "+");
    match lines.is_empty() {
        true => format!("  the order differs:\n{should}\nagainst\n{is}"),
        false => lines.trim_end().to_owned(),
    }
}

/// A definition without the next AUTO_INCREMENT value, which inserted rows move.
pub(crate) fn without_auto_increment(definition: &str) -> String {
    let Some((before, last)) = definition.rsplit_once("\n)") else {
        return definition.to_owned();
    };
    match last.split_once(" AUTO_INCREMENT=") {
        Some((start, end)) => format!(
            "{before}\n){start}{}",
            end.trim_start_matches(|c: char| c.is_ascii_digit())
        ),
        None => definition.to_owned(),
    }
}

/// The triggers of a schema, as text.
pub(crate) async fn triggers(node: &Node, schema: &str) -> Result<Vec<String>> {
    node.query(&format!(
        "SELECT CONCAT_WS(' ', TRIGGER_NAME, ACTION_TIMING, EVENT_MANIPULATION, EVENT_OBJECT_TABLE, ACTION_STATEMENT) \
         FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '{schema}' ORDER BY 1"
    ))
    .await
}

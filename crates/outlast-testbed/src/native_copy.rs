//! What MySQL itself makes of an ALTER, to compare a migrated table with.

use anyhow::{Context, Result};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use crate::table::{TableName, quoted};

/// Copies `source` to the new table `copy` (in an existing schema), and executes `ALTER TABLE copy {changes}` on it.
///
/// Nothing of it goes to the binlog: replicas don't have the copy. Foreign keys are not copied, and CHECK constraints get
/// new names, as with `CREATE TABLE … LIKE`.
///
/// # Errors
///
/// When `copy` exists, or the ALTER fails: its error is then the one a migration must fail with too. The copy stays.
pub async fn native_copy(conn: &mut Conn, source: &TableName, copy: &TableName, changes: &str) -> Result<()> {
    conn.query_drop("SET @before_native_copy = @@SESSION.sql_mode, SESSION sql_log_bin = OFF")
        .await?;
    let outcome = copy_and_alter(conn, source, copy, changes).await;
    conn.query_drop("SET SESSION sql_mode = @before_native_copy, SESSION sql_log_bin = ON")
        .await?;
    outcome
}

async fn copy_and_alter(conn: &mut Conn, source: &TableName, copy: &TableName, changes: &str) -> Result<()> {
    conn.query_drop(format!("CREATE TABLE {copy} LIKE {source}"))
        .await
        .with_context(|| format!("cloning {source}"))?;
    let columns: Vec<String> = conn
        .exec(
            "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? \
             AND GENERATION_EXPRESSION = '' ORDER BY ORDINAL_POSITION",
            (&source.schema, &source.table),
        )
        .await?;
    let columns: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
    let columns = columns.join(", ");
    // What is in the table goes into the copy, zero dates and the id 0 included.
    conn.query_drop("SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'")
        .await?;
    conn.query_drop(format!("INSERT INTO {copy} ({columns}) SELECT {columns} FROM {source}"))
        .await
        .with_context(|| format!("copying the rows of {source}"))?;
    conn.query_drop("SET SESSION sql_mode = @before_native_copy").await?;
    conn.query_drop(format!("ALTER TABLE {copy} {changes}"))
        .await
        .with_context(|| format!("ALTER TABLE {copy} {changes}"))
}

//! Names of tables, and the table the testbed's own write load works on.

use std::fmt;

use anyhow::{Context, Result};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

/// How many rows one transaction of [`create_and_fill`] inserts.
const FILL_BATCH: u64 = 50_000;

/// A table and its schema. Displayed as SQL, quoted: `` `schema`.`table` ``.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// The schema, unquoted.
    pub schema: String,
    /// The table, unquoted.
    pub table: String,
}

impl TableName {
    /// Both names as they are, unquoted.
    #[must_use]
    pub fn new(schema: impl Into<String>, table: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            table: table.into(),
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", quoted(&self.schema), quoted(&self.table))
    }
}

pub(crate) fn quoted(identifier: &str) -> String {
    format!("`{}`", identifier.replace('`', "``"))
}

/// Creates the standard table (and its schema) and fills it with the ids 1 to `rows`, in batches, in a few seconds for
/// 300,000 rows. The rows have writer 0 and version 0.
///
/// # Errors
///
/// When the table exists or a statement fails.
pub async fn create_and_fill(conn: &mut Conn, table: &TableName, rows: u64) -> Result<()> {
    conn.query_drop(format!("CREATE DATABASE IF NOT EXISTS {}", quoted(&table.schema)))
        .await?;
    conn.query_drop(format!(
        "CREATE TABLE {table} (\
         id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
         writer INT NOT NULL, \
         version BIGINT NOT NULL, \
         email VARCHAR(100) NOT NULL, \
         payload VARCHAR(255), \
         amount DECIMAL(12,2), \
         updated_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), \
         UNIQUE KEY email (email), \
         KEY writer (writer))"
    ))
    .await
    .with_context(|| format!("creating {table}"))?;
    conn.query_drop(format!("SET SESSION cte_max_recursion_depth = {FILL_BATCH}"))
        .await?;
    for first in (1..=rows).step_by(usize::try_from(FILL_BATCH)?) {
        let last = rows.min(first + FILL_BATCH - 1);
        conn.query_drop(format!(
            "INSERT INTO {table} (id, writer, version, email, payload, amount) \
             WITH RECURSIVE numbers (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) \
             SELECT n, 0, 0, CONCAT('row-', n, '@example.com'), REPEAT(CHAR(97 + n MOD 26), 40 + n MOD 60), (n MOD 100000) / 100 \
             FROM numbers"
        ))
        .await
        .with_context(|| format!("filling {table}"))?;
    }
    Ok(())
}

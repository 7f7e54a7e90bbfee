//! Kinds of keys: the table's definition, and values for its rows.

use anyhow::{Context, Result};
use mysql_async::{Conn, prelude::Queryable};
use outlast_testbed::TableName;

use super::{CHANGES, ROWS};

/// A table with a key of some kind.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// The table's name.
    pub(super) name: &'static str,
    /// The key's columns.
    pub(super) columns: &'static [(&'static str, &'static str)],
    /// The key's values in row `{n}`, in SQL: another one for every n.
    pub(super) values: &'static [&'static str],
    /// The key's definition.
    pub(super) key: &'static str,
    /// An assignment after which the key is other bytes, and the same to the server.
    pub(super) respell: Option<&'static str>,
    /// What the migration does to the key's columns.
    pub(super) changes: &'static str,
}

/// A table with a primary key of one column `k`.
pub(super) const fn single(
    name: &'static str,
    column: &'static [(&'static str, &'static str)],
    value: &'static [&'static str],
) -> Kind {
    Kind {
        name,
        columns: column,
        values: value,
        key: "PRIMARY KEY (k)",
        respell: None,
        changes: "",
    }
}

impl Kind {
    pub(super) fn table(&self) -> TableName {
        TableName::new("test", self.name)
    }

    /// All that the migration does.
    pub(super) fn all_changes(&self) -> String {
        match self.changes {
            "" => CHANGES.to_owned(),
            more => format!("{CHANGES}, {more}"),
        }
    }

    /// The condition for row `n`.
    pub(super) fn is(&self, n: u64) -> String {
        let parts = self.columns.iter().zip(self.values(&n.to_string()));
        parts
            .map(|((name, _), value)| format!("{name} = {value}"))
            .collect::<Vec<_>>()
            .join(" AND ")
    }

    /// The assignment that gives a row the key of row `n`.
    pub(super) fn becomes(&self, n: u64) -> String {
        let parts = self.columns.iter().zip(self.values(&n.to_string()));
        parts
            .map(|((name, _), value)| format!("{name} = {value}"))
            .collect::<Vec<_>>()
            .join(", ")
    }

    pub(super) fn values(&self, n: &str) -> Vec<String> {
        self.values
            .iter()
            .map(|value| format!("({})", value.replace("{n}", n)))
            .collect()
    }

    pub(super) fn names(&self) -> String {
        self.columns
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(", ")
    }

    pub(super) async fn create_and_fill(&self, conn: &mut Conn) -> Result<()> {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|(name, kind)| format!("{name} {kind} NOT NULL"))
            .collect();
        let table = self.table();
        let create = format!(
            "CREATE TABLE {table} (v BIGINT NOT NULL, {}, code VARCHAR(40), note VARCHAR(60), {}, UNIQUE KEY code (code))",
            columns.join(", "),
            self.key
        );
        conn.query_drop(&create).await.with_context(|| create.clone())?;
        conn.query_drop("SET SESSION cte_max_recursion_depth = 100000").await?;
        let fill = format!(
            "INSERT INTO {table} ({}, v, code, note) \
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 2 FROM numbers WHERE n + 2 <= {}) \
             SELECT {}, n, CONCAT('code-', n), 'filled' FROM numbers",
            self.names(),
            2 * ROWS,
            self.values("n").join(", ")
        );
        conn.query_drop(&fill).await.with_context(|| fill.clone())
    }
}

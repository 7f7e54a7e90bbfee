//! Whether two tables are the same: their rows to the byte, their columns, their definitions.

use anyhow::{Context, Result, anyhow, ensure};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use crate::table::{TableName, quoted};

/// How many differing rows a [`Comparison`] shows of each table.
const SHOWN: usize = 5;
/// How many differing rows are looked at to find the first ones.
const LOOKED_AT: usize = 1000;

/// How the rows of two tables differ.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a difference is a finding, not an error"]
pub struct Comparison {
    /// How many rows the first table has.
    pub left_rows: u64,
    /// How many rows the second table has.
    pub right_rows: u64,
    /// The first differing columns or rows, as text. Empty if the tables are the same.
    pub differences: Vec<String>,
}

impl Comparison {
    /// Whether columns and rows are the same.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.differences.is_empty() && self.left_rows == self.right_rows
    }

    /// An error that shows the differences, if there are any.
    ///
    /// # Errors
    ///
    /// When the tables differ.
    pub fn expect_same(&self) -> Result<()> {
        ensure!(
            self.is_same(),
            "{} rows against {}:\n  {}",
            self.left_rows,
            self.right_rows,
            self.differences.join("\n  ")
        );
        Ok(())
    }
}

/// Compares columns and rows of two tables on one server, the rows byte by byte, as bags: without regard to keys, order or
/// collations, so that tables without a key can be compared too. One consistent
/// read sees both tables; sets the session's time zone to UTC.
///
/// # Errors
///
/// When a table can't be read.
pub async fn compare(conn: &mut Conn, left: &TableName, right: &TableName) -> Result<Comparison> {
    conn.query_drop("SET SESSION time_zone = '+00:00'").await?;
    let (left_columns, right_columns) = (columns(conn, left).await?, columns(conn, right).await?);
    let mut differences = column_differences(&left_columns, &right_columns);
    if differences.is_empty() {
        let fingerprint = fingerprint(&left_columns);
        let sums = sums(conn, &fingerprint, left, right).await?;
        if sums[0] == sums[1] {
            return Ok(Comparison {
                left_rows: sums[0].0,
                right_rows: sums[1].0,
                differences,
            });
        }
        let unmatched = unmatched_rows(conn, &fingerprint, left, right).await?;
        let prints = unmatched
            .iter()
            .map(|print| format!("'{print}'"))
            .collect::<Vec<_>>()
            .join(", ");
        let readable = readable(&left_columns);
        // In the order of their texts, which mostly begin with a key: so the two sides of a row stand at the same place.
        for (table, side) in [(left, "only left"), (right, "only right")] {
            let sql =
                format!("SELECT {readable} FROM {table} WHERE {fingerprint} IN ({prints}) ORDER BY 1 LIMIT {SHOWN}");
            let rows: Vec<String> = conn
                .query(sql)
                .await
                .with_context(|| format!("showing differing rows of {table}"))?;
            differences.extend(rows.into_iter().map(|row| format!("{side}: {row}")));
        }
    }
    let left_rows = count(conn, left).await?;
    let right_rows = count(conn, right).await?;
    Ok(Comparison {
        left_rows,
        right_rows,
        differences,
    })
}

/// Compares `SHOW CREATE TABLE` of two tables without what must differ: the tables' names, the names of CHECK constraints
/// (`CREATE TABLE … LIKE` makes new ones), and the next AUTO_INCREMENT value. The lines that differ, `-` left, `+` right.
///
/// # Errors
///
/// When a table can't be read.
pub async fn compare_definitions(conn: &mut Conn, left: &TableName, right: &TableName) -> Result<Vec<String>> {
    let (left, right) = (definition(conn, left).await?, definition(conn, right).await?);
    let gone = left
        .iter()
        .filter(|line| !right.contains(line))
        .map(|line| format!("- {line}"));
    let new = right
        .iter()
        .filter(|line| !left.contains(line))
        .map(|line| format!("+ {line}"));
    let mut differences: Vec<String> = gone.chain(new).collect();
    if differences.is_empty() && left != right {
        differences.push(format!("the order differs: {left:?} against {right:?}"));
    }
    Ok(differences)
}

/// Compares definitions, columns and rows.
///
/// # Errors
///
/// When the tables differ, with the first differences; when one can't be read.
pub async fn expect_identical(conn: &mut Conn, left: &TableName, right: &TableName) -> Result<()> {
    let definitions = compare_definitions(conn, left, right).await?;
    ensure!(
        definitions.is_empty(),
        "{left} and {right} are defined differently:\n  {}",
        definitions.join("\n  ")
    );
    compare(conn, left, right)
        .await?
        .expect_same()
        .with_context(|| format!("{left} and {right} differ"))
}

async fn definition(conn: &mut Conn, table: &TableName) -> Result<Vec<String>> {
    let row: Option<(String, String)> = conn.query_first(format!("SHOW CREATE TABLE {table}")).await?;
    let (_, text) = row.with_context(|| format!("{table} is no table"))?;
    Ok(text.lines().skip(1).map(without_names).collect())
}

/// One line of a definition, without the names and numbers that two equal tables don't share.
fn without_names(line: &str) -> String {
    let line = line.trim().trim_end_matches(',');
    if let Some((_, check)) = line
        .strip_prefix("CONSTRAINT ")
        .and_then(|rest| rest.split_once(" CHECK "))
    {
        return format!("CHECK {check}");
    }
    match line.split_once(" AUTO_INCREMENT=") {
        Some((before, after)) if line.starts_with(") ENGINE") => {
            format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        _ => line.to_owned(),
    }
}

struct Column {
    name: String,
    data_type: String,
    /// All that makes it the column it is.
    description: String,
}

async fn columns(conn: &mut Conn, table: &TableName) -> Result<Vec<Column>> {
    let rows: Vec<(String, String, String)> = conn
        .exec(
            "SELECT COLUMN_NAME, DATA_TYPE, CONCAT_WS(' ', COLUMN_NAME, COLUMN_TYPE, IF(IS_NULLABLE = 'YES', 'NULL', 'NOT NULL'), \
             CONCAT('DEFAULT ', COLUMN_DEFAULT), CHARACTER_SET_NAME, COLLATION_NAME, EXTRA, GENERATION_EXPRESSION, \
             CONCAT('SRID ', SRS_ID), CONCAT('COMMENT ', COLUMN_COMMENT)) \
             FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION",
            (&table.schema, &table.table),
        )
        .await
        .with_context(|| format!("reading the columns of {table}"))?;
    ensure!(!rows.is_empty(), "{table} doesn't exist");
    Ok(rows
        .into_iter()
        .map(|(name, data_type, description)| Column {
            name,
            data_type,
            description,
        })
        .collect())
}

fn column_differences(left: &[Column], right: &[Column]) -> Vec<String> {
    let describe = |columns: &[Column], at: usize| {
        columns
            .get(at)
            .map_or("no column".to_owned(), |c| c.description.clone())
    };
    (0..left.len().max(right.len()))
        .map(|at| (describe(left, at), describe(right, at)))
        .filter(|(left, right)| left != right)
        .map(|(left, right)| format!("column: {left} against {right}"))
        .collect()
}

/// An expression that is equal for two rows if, and only if, all their bytes are.
fn fingerprint(columns: &[Column]) -> String {
    let values: Vec<String> = columns
        .iter()
        .map(|column| format!("COALESCE({}, 'NULL')", column.exact_value()))
        .collect();
    format!("SHA2(CONCAT_WS(',', {}), 256)", values.join(", "))
}

/// An expression that shows a row to a person.
fn readable(columns: &[Column]) -> String {
    let values: Vec<String> = columns
        .iter()
        .map(|column| {
            let name = column.name.replace('\\', "\\\\").replace('\'', "''");
            format!("CONCAT('{name}=', COALESCE({}, 'NULL'))", column.readable_value())
        })
        .collect();
    format!("CONCAT_WS(', ', {})", values.join(", "))
}

impl Column {
    fn exact_value(&self) -> String {
        let column = quoted(&self.name);
        match self.data_type.as_str() {
            "char" | "varchar" | "binary" | "varbinary" => format!("HEX({column})"),
            // The value 0 of an ENUM has no text.
            "enum" | "set" => format!("CONCAT({column} + 0, ':', HEX({column}))"),
            "bit" => format!("HEX(CAST({column} AS UNSIGNED))"),
            // As FLOAT it would be shown with six digits only.
            "float" => format!("HEX(CAST(CAST({column} AS DOUBLE) AS CHAR))"),
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "double" | "date" | "datetime"
            | "timestamp" | "time" | "year" => format!("HEX(CAST({column} AS CHAR))"),
            "json" => format!("SHA2(CAST({column} AS CHAR), 256)"),
            // Texts, blobs, spatial values and vectors, which may be long.
            _ => format!("SHA2({column}, 256)"),
        }
    }

    fn readable_value(&self) -> String {
        let column = quoted(&self.name);
        match self.data_type.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "double" | "float" | "date"
            | "datetime" | "timestamp" | "time" | "year" => format!("CAST({column} AS CHAR)"),
            "char" | "varchar" | "enum" | "set" | "tinytext" | "text" | "mediumtext" | "longtext" => {
                format!("CONCAT(QUOTE(CONVERT(LEFT({column}, 60) USING utf8mb4)), ' x', LEFT(HEX({column}), 60))")
            }
            "json" => format!("LEFT(CAST({column} AS CHAR), 60)"),
            "bit" => format!("BIN({column})"),
            _ => format!("LEFT(HEX({column}), 60)"),
        }
    }
}

/// For each table the number of rows and the sum of 60 bits of each fingerprint: equal for tables with the same rows, and by
/// a chance of one in 2^60 for others. One statement, so that one snapshot serves both.
async fn sums(conn: &mut Conn, fingerprint: &str, left: &TableName, right: &TableName) -> Result<[(u64, String); 2]> {
    let sum = |table| {
        format!(
            "SELECT COUNT(*), CAST(COALESCE(SUM(CAST(CONV(LEFT({fingerprint}, 15), 16, 10) AS DECIMAL(20))), 0) AS CHAR) \
             FROM {table}"
        )
    };
    let (left_sum, right_sum) = (sum(left), sum(right));
    let sql = format!(
        "SELECT 1 AS side, l.* FROM ({left_sum}) AS l UNION ALL SELECT 2, r.* FROM ({right_sum}) AS r ORDER BY side"
    );
    let rows: Vec<(u8, u64, String)> = conn
        .query(sql)
        .await
        .with_context(|| format!("comparing {left} with {right}"))?;
    let rows: Vec<_> = rows.into_iter().map(|(_, count, sum)| (count, sum)).collect();
    rows.try_into().map_err(|_| anyhow!("two tables make two sums"))
}

/// The fingerprints of rows that one table has more often than the other.
async fn unmatched_rows(
    conn: &mut Conn,
    fingerprint: &str,
    left: &TableName,
    right: &TableName,
) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT HEX(print) FROM (\
         SELECT UNHEX({fingerprint}) AS print, 1 AS side FROM {left} \
         UNION ALL SELECT UNHEX({fingerprint}), -1 FROM {right}) AS both_tables \
         GROUP BY print HAVING SUM(side) <> 0 LIMIT {LOOKED_AT}"
    );
    let prints: Vec<String> = conn
        .query(sql)
        .await
        .with_context(|| format!("comparing {left} with {right}"))?;
    Ok(prints.into_iter().map(|print| print.to_ascii_lowercase()).collect())
}

async fn count(conn: &mut Conn, table: &TableName) -> Result<u64> {
    let rows: Option<u64> = conn.query_first(format!("SELECT COUNT(*) FROM {table}")).await?;
    rows.with_context(|| format!("counting {table}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_lose_only_what_two_equal_tables_do_not_share() {
        assert_eq!(
            without_names("  CONSTRAINT `a_chk_1` CHECK ((`x` > 0)),"),
            "CHECK ((`x` > 0))"
        );
        assert_eq!(
            without_names(") ENGINE=InnoDB AUTO_INCREMENT=17 DEFAULT CHARSET=utf8mb4"),
            ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
        );
        assert_eq!(
            without_names("  `id` int NOT NULL COMMENT 'x AUTO_INCREMENT=5',"),
            "`id` int NOT NULL COMMENT 'x AUTO_INCREMENT=5'"
        );
    }
}

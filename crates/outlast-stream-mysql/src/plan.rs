//! Which column of the source goes to which column of the shadow, and the statements that follow from it.

use outlast_core::{Error, ErrorKind, Key, KeyRange, Result};
use outlast_mysql::quote;

use crate::{
    key::{CopyKey, Side},
    statement::AlterStatement,
    table::Table,
};

/// How rows get from the source to the shadow.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) source: Table,
    pub(crate) shadow: Table,
    pub(crate) key: CopyKey,
    /// Whether the shadow's AUTO_INCREMENT counter is the one that the statement set.
    pub(crate) sets_auto_increment: bool,
    /// (source column, shadow column), in the order of the source.
    columns: Vec<(String, String)>,
    /// (added column, value), where MySQL's ALTER gives existing rows a value that INSERT would not.
    implied: Vec<(String, &'static str)>,
}

impl Plan {
    /// Maps the columns and chooses the copy key.
    ///
    /// # Errors
    /// `Refused` if there is no usable key, or the shadow's columns are not those that the statement was understood to give.
    pub(crate) fn new(source: Table, shadow: Table, statement: &AlterStatement) -> Result<Self> {
        let mut columns = Vec::new();
        let mut explained = Vec::new();
        for column in &source.columns {
            let Some(target) = statement.target_of(&column.name) else {
                continue;
            };
            let after = shadow
                .column(&target)
                .ok_or_else(|| misunderstood(&column.name, &target))?;
            explained.push(after.name.clone());
            if after.generated.is_none() {
                columns.push((column.name.clone(), after.name.clone()));
            }
        }
        let unexplained = shadow
            .columns
            .iter()
            .find(|c| !explained.contains(&c.name) && !statement.adds(&c.name));
        // A table without primary key may get an invisible one from the server (sql_generate_invisible_primary_key).
        if let Some(column) = unexplained.filter(|c| c.name != "my_row_id") {
            return Err(misunderstood("?", &column.name));
        }
        let added = shadow
            .columns
            .iter()
            .filter(|c| c.lacks_default && !explained.contains(&c.name));
        let implied = added
            .filter_map(|c| Some((c.name.clone(), implied_value(&c.data_type)?)))
            .collect();
        let key = CopyKey::choose(&source, &shadow, |name| statement.target_of(name))?;
        Ok(Self {
            source,
            shadow,
            key,
            sets_auto_increment: statement.sets_auto_increment,
            columns,
            implied,
        })
    }

    /// The statement that copies a range.
    ///
    /// # Errors
    /// `Inconsistent` if a bound can't be read.
    pub(crate) fn copy(&self, range: &KeyRange) -> Result<String> {
        Ok(self.insert_where(&self.key.in_range(range)?))
    }

    /// The statement that inserts the rows of these keys.
    ///
    /// # Errors
    /// `Inconsistent` if a key can't be read.
    pub(crate) fn insert(&self, keys: &[Key]) -> Result<String> {
        Ok(self.insert_where(&self.key.is_in(keys, Side::Source)?))
    }

    /// The statement that deletes the rows of these keys from the shadow.
    ///
    /// # Errors
    /// `Inconsistent` if a key can't be read.
    pub(crate) fn delete(&self, keys: &[Key]) -> Result<String> {
        // Statistics of a table that has just been filled would make the server read all of it.
        Ok(format!(
            "DELETE /*+ INDEX({} {}) */ FROM {} WHERE {}",
            quote::identifier(&self.shadow.name),
            quote::identifier(&self.key.shadow_index),
            self.shadow.quoted(),
            self.key.is_in(keys, Side::Shadow)?
        ))
    }

    /// The statement that finds the key of the `rows`-th row of a range.
    ///
    /// # Errors
    /// `Inconsistent` if a bound can't be read.
    pub(crate) fn boundary(&self, range: &KeyRange, rows: u64) -> Result<String> {
        Ok(format!(
            "SELECT {} {} WHERE {} ORDER BY {} LIMIT 1 OFFSET {}",
            self.key.select_list(Side::Source),
            self.source_clause(),
            self.key.in_range(range)?,
            self.key.order_by(),
            rows.saturating_sub(1),
        ))
    }

    fn insert_where(&self, condition: &str) -> String {
        let targets = self
            .columns
            .iter()
            .map(|(_, target)| target)
            .chain(self.implied.iter().map(|(name, _)| name));
        let targets: Vec<String> = targets.map(|name| quote::identifier(name)).collect();
        let sources = self.columns.iter().map(|(source, _)| quote::identifier(source));
        let values: Vec<String> = sources
            .chain(self.implied.iter().map(|(_, value)| (*value).to_owned()))
            .collect();
        format!(
            "INSERT INTO {} ({}) SELECT {} {} WHERE {condition}",
            self.shadow.quoted(),
            targets.join(", "),
            values.join(", "),
            self.source_clause(),
        )
    }

    fn source_clause(&self) -> String {
        format!(
            "FROM {} FORCE INDEX ({})",
            self.source.quoted(),
            quote::identifier(&self.key.index)
        )
    }

    /// The source column that feeds this column of the shadow, if one does.
    pub(crate) fn source_of(&self, target: &str) -> Option<&str> {
        self.columns
            .iter()
            .find(|(_, t)| t == target)
            .map(|(source, _)| source.as_str())
    }

    /// The query for these columns of the source's rows that meet a condition.
    pub(crate) fn select_source(&self, columns: &[&str], condition: &str) -> String {
        let names: Vec<String> = columns.iter().map(|c| quote::identifier(c)).collect();
        format!("SELECT {} {} WHERE {condition}", names.join(", "), self.source_clause())
    }
}

/// What MySQL's ALTER puts into existing rows for an added NOT NULL column without default ("Data Type Default Values" in its
/// manual); `None` where it accepts no such column.
fn implied_value(data_type: &str) -> Option<&'static str> {
    Some(match data_type {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float" | "double" | "bit" | "year" => {
            "0"
        }
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "set" => "''",
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => "x''",
        // The first value.
        "enum" => "1",
        "json" => "CAST('null' AS JSON)",
        "date" => "'0000-00-00'",
        "datetime" | "timestamp" => "'0000-00-00 00:00:00'",
        "time" => "'00:00:00'",
        _ => return None,
    })
}

fn misunderstood(source: &str, target: &str) -> Error {
    Error::new(
        ErrorKind::Refused,
        format!(
            "the statement was not understood: column `{target}` of the new table can't be traced (from column \
             `{source}`). Nothing was copied. Write renames as separate clauses: RENAME COLUMN a TO b, or CHANGE a b …"
        ),
    )
}

//! Which column of the source goes to which column of the shadow, and the statements that follow from it.

use outlast_core::{Error, ErrorKind, Key, KeyRange, Result, stream::ColumnChange};
use outlast_mysql::{Session, quote};

use crate::{
    convert,
    key::{CopyKey, Side},
    notes::Notes,
    statement::AlterStatement,
    table::{Column, Table},
};

/// In statements that only look for keys: a key may be a date that the server's sql_mode does not take.
const ANY_DATE: &str = "/*+ SET_VAR(sql_mode='ALLOW_INVALID_DATES') SET_VAR(time_zone='+00:00') */";

/// Most keys that are looked at to find a row.
const MOST_KEYS: usize = 100_000;

/// How rows get from the source to the shadow.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) source: Table,
    pub(crate) shadow: Table,
    pub(crate) key: CopyKey,
    /// Where the shadow's AUTO_INCREMENT counter comes from.
    pub(crate) counter: Counter,
    /// A column that becomes AUTO_INCREMENT: MySQL's ALTER would give a row with 0 in it another number.
    pub(crate) newly_counted: Option<String>,
    /// In the order of the source.
    columns: Vec<Fed>,
    /// (added column, value), where MySQL's ALTER gives existing rows a value that INSERT would not.
    implied: Vec<(String, &'static str)>,
    /// Settings for the statements that write rows, as an optimizer hint.
    pub(crate) settings: String,
    /// The time zone in which they are written.
    zone: String,
    /// The migration's moment, in seconds since 1970.
    pub(crate) moment: String,
}

/// Where the shadow's AUTO_INCREMENT counter comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// It has no such column.
    None,
    /// The statement sets it.
    Given(u64),
    /// From the source.
    Carried,
    /// The column becomes AUTO_INCREMENT by the change.
    New,
}

/// A column of the shadow that gets its values from the source.
#[derive(Clone, Debug)]
struct Fed {
    source: String,
    target: String,
    /// What is selected of the source.
    expression: String,
}

impl Plan {
    /// Reads both tables and makes the plan, as `notes` say. `moment` is the migration's, UTC: the time that added columns which
    /// default to the current time get in all rows, as by a single ALTER.
    ///
    /// # Errors
    /// As [`Plan::new`]; `SourceChanged` if a table is missing; `Inconsistent` if the key of the notes can't be used here.
    pub(crate) async fn read(
        session: &mut Session,
        source: (&str, &str),
        shadow_schema: &str,
        statement: &AlterStatement,
        moment: &str,
        notes: &Notes,
    ) -> Result<Self> {
        let (schema, name) = source;
        let mut source = Table::read(session, schema, name).await?;
        let shadow = Table::read(session, shadow_schema, name).await?;
        source.is_strict = notes.is_strict();
        let mut plan = Self::new(source, shadow, statement, notes.key_index.as_deref())?;
        plan.moment = session
            .value(&format!(
                "SELECT CAST(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {}) / 1000000 AS CHAR)",
                quote::text(moment)
            ))
            .await?;
        // In UTC, every moment has a name of its own. Between types, values pass in the server's own zone, as in an ALTER; in
        // the one that it had when the migration began, whatever it is set to since.
        plan.zone = match notes.works_in_place && plan.source.has_moments() {
            true => "+00:00".to_owned(),
            false => notes.time_zone.clone(),
        };
        plan.settings = plan.settings_for(notes);
        if statement.sets_auto_increment && plan.counter != Counter::None {
            // SHOW CREATE TABLE leaves the first value out.
            plan.counter = Counter::Given(notes.counter.unwrap_or(1));
        }
        Ok(plan)
    }

    /// Maps the columns and chooses the copy key.
    ///
    /// # Errors
    /// `Refused` if there is no usable key, the shadow's columns are not those that the statement was understood to give, or
    /// values would depend on the order in which rows are read.
    fn new(source: Table, shadow: Table, statement: &AlterStatement, key_index: Option<&str>) -> Result<Self> {
        let mut columns = Vec::new();
        let mut explained = Vec::new();
        let mut newly_counted = None;
        let mut carries_counter = false;
        for column in &source.columns {
            let Some(target) = statement.target_of(&column.name) else {
                continue;
            };
            let after = shadow
                .column(&target)
                .ok_or_else(|| misunderstood(&column.name, &target))?;
            explained.push(after.name.clone());
            if let Some(why) = convert::objection(column, after) {
                return Err(Error::new(
                    ErrorKind::Refused,
                    format!(
                        "column `{}` can't become {} by a copy as it would by MySQL's own ALTER: {why}. Change it in steps, by way of \
                         a number",
                        column.name, after.column_type
                    ),
                ));
            }
            if after.generated.is_none() {
                columns.push(Fed {
                    source: column.name.clone(),
                    target: after.name.clone(),
                    expression: convert::expression(column, after, &quote::identifier(&column.name)),
                });
            }
            carries_counter |= after.auto_increment && column.auto_increment;
            if after.auto_increment && !column.auto_increment {
                if column.nullable {
                    return Err(numbered_by_chance(&after.name));
                }
                newly_counted = Some(after.name.clone());
            }
        }
        let added: Vec<&Column> = shadow.columns.iter().filter(|c| !explained.contains(&c.name)).collect();
        if let Some(column) = added.iter().find(|c| !statement.adds(&c.name)) {
            return Err(misunderstood("?", &column.name));
        }
        if let Some(column) = added.iter().find(|c| c.auto_increment) {
            return Err(numbered_by_chance(&column.name));
        }
        let implied = added
            .iter()
            .filter(|c| c.lacks_default)
            .filter_map(|c| Some((c.name.clone(), implied_value(&c.data_type)?)))
            .collect();
        let counter = match (shadow.columns.iter().any(|c| c.auto_increment), carries_counter) {
            (false, _) => Counter::None,
            (true, true) => Counter::Carried,
            (true, false) => Counter::New,
        };
        check_zone(&source, &shadow)?;
        let key = CopyKey::choose(&source, &shadow, |name| statement.target_of(name), key_index)?;
        Ok(Self {
            columns,
            implied,
            key,
            counter,
            newly_counted,
            source,
            shadow,
            settings: String::new(),
            zone: String::new(),
            moment: String::new(),
        })
    }

    /// What becomes of columns that don't stay what they are; defaults and comments aside.
    pub(crate) fn column_changes(&self, statement: &AlterStatement) -> Vec<ColumnChange> {
        let target_of = |column: &Column| self.shadow.column(&statement.target_of(&column.name)?);
        let changed = self.source.columns.iter().filter_map(|column| {
            let (before, after) = (shown(column), target_of(column).map(shown));
            let stays = after.as_ref() == Some(&before);
            (!stays).then_some(ColumnChange {
                before: Some(before),
                after,
            })
        });
        let has_source = |column: &&Column| {
            let mut targets = self.source.columns.iter().filter_map(target_of);
            targets.any(|target| target.name == column.name)
        };
        let added = self.shadow.columns.iter().filter(|column| !has_source(column));
        let added = added.map(|column| ColumnChange {
            before: None,
            after: Some(shown(column)),
        });
        changed.chain(added).collect()
    }

    /// Whether an added column takes its value from an expression, such as the current time.
    fn computes_defaults(&self) -> bool {
        let is_fed = |column: &Column| self.columns.iter().any(|fed| fed.target == column.name);
        self.shadow.columns.iter().any(|c| c.default_is_computed && !is_fed(c))
    }

    /// Whether rows get a zero date that nobody gave them. MySQL's ALTER minds that of a DATE or DATETIME, not of a TIMESTAMP.
    fn implies_dates(&self) -> bool {
        let is_date = |name: &String| self.shadow.column(name).is_some_and(|c| c.data_type != "timestamp");
        self.implied
            .iter()
            .any(|(name, value)| value.contains("0000-00-00") && is_date(name))
    }

    /// The optimizer hint with the settings that the statements writing rows need.
    ///
    /// The sql_mode is the one under which the migration began, wherever it goes on. An ALTER that works in place converts
    /// nothing: dates that the sql_mode would not accept any more stay. One that copies checks them.
    fn settings_for(&self, notes: &Notes) -> String {
        let mode = match notes.works_in_place && !self.implies_dates() {
            true => notes.mode_with_any_date(),
            false => notes.sql_mode.clone(),
        };
        let timestamp = match self.computes_defaults() {
            true => format!(" SET_VAR(timestamp={})", self.moment),
            false => String::new(),
        };
        format!(
            "/*+ SET_VAR(sql_mode='{mode}'){timestamp} SET_VAR(time_zone='{}') */ ",
            self.zone
        )
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
        // By its index: statistics of a table that has just been filled would make the server read all of it.
        Ok(format!(
            "DELETE /*+ INDEX({} {}) SET_VAR(sql_mode='ALLOW_INVALID_DATES') SET_VAR(time_zone='{}') */ FROM {} WHERE {}",
            quote::identifier(&self.shadow.name),
            quote::identifier(&self.key.shadow_index),
            // A moment is named as when its row was written.
            self.zone,
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
            "SELECT {ANY_DATE} {} {} WHERE {} ORDER BY {} LIMIT 1 OFFSET {}",
            self.key.select_list(Side::Source),
            self.source_clause(),
            self.key.in_range(range)?,
            self.key.order_by(Side::Source, false),
            rows.saturating_sub(1),
        ))
    }

    /// The query for the keys of a range.
    ///
    /// # Errors
    /// `Inconsistent` if a bound can't be read.
    pub(crate) fn keys_in(&self, range: &KeyRange) -> Result<String> {
        Ok(format!(
            "SELECT {ANY_DATE} {} {} WHERE {} LIMIT {MOST_KEYS}",
            self.key.select_list(Side::Source),
            self.source_clause(),
            self.key.in_range(range)?,
        ))
    }

    /// The queries for the keys of the first and of the last `rows` rows.
    pub(crate) fn ends(&self, rows: u64) -> [String; 2] {
        [false, true].map(|reversed| {
            format!(
                "SELECT {} {} ORDER BY {} LIMIT {rows}",
                self.key.select_list(Side::Source),
                self.source_clause(),
                self.key.order_by(Side::Source, reversed),
            )
        })
    }

    /// The statement that copies rows as they are into `clone`, a table with the source's definition.
    ///
    /// # Errors
    /// `Inconsistent` if a key can't be read.
    pub(crate) fn insert_as_is(&self, clone: &str, keys: &[Key]) -> Result<String> {
        let columns = self.source.columns.iter().filter(|c| c.generated.is_none());
        let columns: Vec<String> = columns.map(|c| quote::identifier(&c.name)).collect();
        let columns = columns.join(", ");
        Ok(format!(
            "INSERT /*+ SET_VAR(sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES') */ INTO {clone} ({columns}) \
             SELECT {columns} {} WHERE {}",
            self.source_clause(),
            self.key.is_in(keys, Side::Source)?
        ))
    }

    /// The statement that inserts the source's rows that meet a condition.
    pub(crate) fn insert_where(&self, condition: &str) -> String {
        let targets = self
            .columns
            .iter()
            .map(|fed| &fed.target)
            .chain(self.implied.iter().map(|(name, _)| name));
        let targets: Vec<String> = targets.map(|name| quote::identifier(name)).collect();
        let sources = self.columns.iter().map(|fed| fed.expression.clone());
        let values: Vec<String> = sources
            .chain(self.implied.iter().map(|(_, value)| (*value).to_owned()))
            .collect();
        format!(
            "INSERT {}INTO {} ({}) SELECT {} {} WHERE {condition}",
            self.settings,
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
            .find(|fed| fed.target == target)
            .map(|fed| fed.source.as_str())
    }

    /// The query for what these columns of the shadow get from the source's rows that meet a condition; `None` if one of them
    /// gets nothing from the source.
    pub(crate) fn select_for(&self, targets: &[&str], condition: &str) -> Option<String> {
        let fed = |target: &&str| self.columns.iter().find(|fed| fed.target == *target);
        let expressions: Vec<&str> = targets
            .iter()
            .map(|target| fed(target).map(|fed| fed.expression.as_str()))
            .collect::<Option<_>>()?;
        Some(format!(
            "SELECT {} {} WHERE {condition}",
            expressions.join(", "),
            self.source_clause()
        ))
    }
}

/// A column for people, as its definition says it.
fn shown(column: &Column) -> String {
    let mut shown = format!("{} {}", quote::identifier(&column.name), column.column_type);
    if let Some(collation) = &column.collation {
        shown.push_str(&format!(" COLLATE {collation}"));
    }
    if let Some(generated) = &column.generated {
        let kind = if generated.stored { "STORED" } else { "VIRTUAL" };
        shown.push_str(&format!(" AS ({}) {kind}", generated.expression));
    }
    if !column.nullable {
        shown.push_str(" NOT NULL");
    }
    if column.auto_increment {
        shown.push_str(" AUTO_INCREMENT");
    }
    shown
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

/// Where a moment has two names, a TIMESTAMP can be copied exactly only in UTC, in which expressions over it may have other
/// values.
fn check_zone(source: &Table, shadow: &Table) -> Result<()> {
    let computes = |table: &Table| {
        let by_expression = |index: &crate::table::Index| index.parts.iter().any(|part| part.column.is_none());
        table.columns.iter().any(|c| c.generated.is_some()) || table.indexes.iter().any(by_expression)
    };
    match source.has_moments() && !source.has_fixed_zone && computes(shadow) {
        false => Ok(()),
        true => Err(Error::new(
            ErrorKind::Refused,
            "the table has TIMESTAMP columns together with generated columns, or indexes over expressions or prefixes, and the server's \
             time zone has daylight saving: in the hour that comes twice, a copy can't keep both as they are. It can with SET GLOBAL \
             time_zone = '+00:00', or another fixed offset",
        )),
    }
}

fn numbered_by_chance(column: &str) -> Error {
    Error::new(
        ErrorKind::Refused,
        format!(
            "the change makes MySQL number the rows in column `{column}` (AUTO_INCREMENT), in the order in which it reads \
             them: while the application writes, every run would give other numbers. Add the column without AUTO_INCREMENT, \
             fill it, then make it AUTO_INCREMENT"
        ),
    )
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

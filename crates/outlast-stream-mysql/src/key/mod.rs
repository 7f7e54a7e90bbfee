//! The copy key: which key it is, its values as SQL, and their order as bytes.

mod decode;
mod order;
mod value;

pub(crate) use decode::Decoder;
pub(crate) use value::KeyValue;

use outlast_core::{Error, ErrorKind, Key, KeyRange, Result};
use outlast_mysql::{Session, quote};

use crate::table::{Column, Index, Table};

/// The unique key by which rows are copied, read again and deleted.
#[derive(Clone, Debug)]
pub(crate) struct CopyKey {
    /// Name of the source's index.
    pub(crate) index: String,
    /// Name of the shadow's index over the same columns.
    pub(crate) shadow_index: String,
    pub(crate) columns: Vec<KeyColumn>,
}

/// One column of the copy key.
#[derive(Clone, Debug)]
pub(crate) struct KeyColumn {
    /// Position in the source table, from 0.
    pub(crate) position: usize,
    /// Name in the source.
    pub(crate) source: String,
    /// Name in the shadow.
    pub(crate) target: String,
    pub(crate) kind: KeyKind,
}

/// How values of a key column are read, written and ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// Any signed integer type.
    Signed,
    /// Any unsigned integer type, YEAR.
    Unsigned,
    /// DECIMAL.
    Decimal,
    /// DATE, DATETIME.
    DateTime,
    /// TIMESTAMP: seconds since 1970, with decimals.
    Timestamp,
    /// TIME.
    Time,
    /// VARBINARY, and BINARY of the given length.
    Binary { pad_to: Option<usize> },
    /// CHAR, VARCHAR. Ordered by the server (`WEIGHT_STRING`).
    Text {
        charset: String,
        collation: String,
        /// Length in characters if the collation pads.
        pad_to: Option<u64>,
    },
}

impl KeyKind {
    /// The kind of a column, `None` if it can't be part of a copy key.
    fn of(column: &Column) -> Option<Self> {
        let unsigned = column.column_type.contains("unsigned");
        Some(match column.data_type.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" if unsigned => Self::Unsigned,
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => Self::Signed,
            "year" => Self::Unsigned,
            "decimal" => Self::Decimal,
            "date" | "datetime" => Self::DateTime,
            "timestamp" => Self::Timestamp,
            "time" => Self::Time,
            "varbinary" => Self::Binary { pad_to: None },
            "binary" => Self::Binary {
                pad_to: column.characters.map(|n| n as usize),
            },
            "char" | "varchar" => Self::Text {
                charset: column.charset.clone()?,
                collation: column.collation.clone()?,
                pad_to: column.characters.filter(|_| column.pads),
            },
            _ => return None,
        })
    }
}

impl CopyKey {
    /// Chooses the key: the primary key if both tables share it, else the shared unique key with the fewest columns.
    ///
    /// # Errors
    /// `Refused`, saying for each unique key of the source why it can't be used.
    pub(crate) fn choose(source: &Table, shadow: &Table, target_of: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut reasons = Vec::new();
        let mut candidates = Vec::new();
        for index in source.indexes.iter().filter(|i| i.unique) {
            match candidate(source, shadow, index, &target_of) {
                Ok(key) => candidates.push(key),
                Err(reason) => reasons.push(format!("`{}`: {reason}", index.name)),
            }
        }
        candidates.sort_by_key(|k| (k.index != "PRIMARY", k.columns.len()));
        candidates.into_iter().next().ok_or_else(|| {
            let why = match reasons.is_empty() {
                true => "It has no unique key".to_owned(),
                false => reasons.join("; "),
            };
            Error::new(
                ErrorKind::Refused,
                format!(
                    "table {} has no key to copy by. Needed is a unique key of NOT NULL columns that the table has before \
                     and after the change. {why}. Add such a key first, in a migration of its own or directly",
                    source.quoted()
                ),
            )
        })
    }

    /// `(a, b)` of the source.
    pub(crate) fn source_columns(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|c| quote::identifier(&c.source)).collect();
        names.join(", ")
    }

    /// What to SELECT for a key of the source, so that [`CopyKey::read_row`] reads it: for each column its value as text,
    /// and for texts its weight.
    pub(crate) fn select_list(&self, target: bool) -> String {
        let mut list = Vec::new();
        for column in &self.columns {
            let name = quote::identifier(if target { &column.target } else { &column.source });
            match &column.kind {
                KeyKind::Signed | KeyKind::Unsigned | KeyKind::Decimal | KeyKind::DateTime | KeyKind::Time => {
                    list.push(format!("CAST({name} AS CHAR)"));
                }
                KeyKind::Timestamp => list.push(format!("CAST(UNIX_TIMESTAMP({name}) AS CHAR)")),
                KeyKind::Binary { .. } => list.push(format!("HEX({name})")),
                KeyKind::Text { pad_to, .. } => {
                    list.push(format!("HEX({name})"));
                    list.push(weight(&name, *pad_to));
                }
            }
        }
        list.join(", ")
    }

    /// Reads a key that was selected by [`CopyKey::select_list`].
    ///
    /// # Errors
    /// `Inconsistent` if a value is not of its column's kind.
    pub(crate) fn read_row(&self, row: mysql_async::Row) -> Result<Key> {
        let texts: Vec<Option<String>> = row
            .unwrap()
            .into_iter()
            .map(|v| mysql_async::from_value_opt(v).map_err(|e| unreadable(&e.to_string())))
            .collect::<Result<_>>()?;
        let mut texts = texts.into_iter().map(|t| t.ok_or_else(|| unreadable("it is NULL")));
        let mut next = || texts.next().unwrap_or_else(|| Err(unreadable("a column is missing")));
        let mut values = Vec::with_capacity(self.columns.len());
        let mut weights = Vec::new();
        for column in &self.columns {
            values.push(KeyValue::from_text(&next()?, &column.kind)?);
            if matches!(column.kind, KeyKind::Text { .. }) {
                weights.push(value::unhex(&next()?)?);
            }
        }
        Ok(self.key(&values, weights))
    }

    /// Keys from values of the binlog. Asks the server for the weights of texts.
    ///
    /// # Errors
    /// Those of the server.
    pub(crate) async fn keys(&self, session: &mut Session, rows: Vec<Vec<KeyValue>>) -> Result<Vec<Key>> {
        let text_columns: Vec<usize> = (0..self.columns.len())
            .filter(|&i| matches!(self.columns[i].kind, KeyKind::Text { .. }))
            .collect();
        if text_columns.is_empty() {
            return Ok(rows.iter().map(|values| self.key(values, Vec::new())).collect());
        }
        let mut keys = Vec::with_capacity(rows.len());
        for rows in rows.chunks(200) {
            let selects: Vec<String> = rows
                .iter()
                .map(|values| {
                    let weights = text_columns.iter().map(|&i| match &self.columns[i].kind {
                        KeyKind::Text { pad_to, .. } => weight(&self.literal(i, &values[i]), *pad_to),
                        _ => "NULL".to_owned(),
                    });
                    format!("SELECT {}", weights.collect::<Vec<_>>().join(", "))
                })
                .collect();
            let weights: Vec<mysql_async::Row> = session.rows(&selects.join(" UNION ALL ")).await?;
            if weights.len() != rows.len() {
                return Err(unreadable(
                    "the server returned another number of weights than asked for",
                ));
            }
            for (values, row) in rows.iter().zip(weights) {
                let weights = row
                    .unwrap()
                    .into_iter()
                    .map(|v| mysql_async::from_value_opt::<String>(v).map_err(|e| unreadable(&e.to_string())))
                    .map(|hex| value::unhex(&hex?))
                    .collect::<Result<_>>()?;
                keys.push(self.key(values, weights));
            }
        }
        Ok(keys)
    }

    fn key(&self, values: &[KeyValue], weights: Vec<Vec<u8>>) -> Key {
        let mut weights = weights.into_iter();
        let mut order = Vec::new();
        for value in values {
            match value {
                KeyValue::Text(_) => order::push_bytes(&mut order, &weights.next().unwrap_or_default()),
                other => other.push_order(&mut order),
            }
        }
        let texts: Vec<String> = values.iter().map(KeyValue::to_text).collect();
        Key::new(order, texts.join("|"))
    }

    fn values(&self, key: &Key) -> Result<Vec<KeyValue>> {
        let texts: Vec<&str> = key.value().split('|').collect();
        if texts.len() != self.columns.len() {
            return Err(unreadable("a stored key has another number of columns"));
        }
        texts
            .iter()
            .zip(&self.columns)
            .map(|(text, column)| KeyValue::from_text(text, &column.kind))
            .collect()
    }

    fn literal(&self, column: usize, value: &KeyValue) -> String {
        value.literal(&self.columns[column].kind)
    }

    /// `(a, b) IN ((1, 2), (3, 4))`, on the columns of the source or of the shadow.
    ///
    /// # Errors
    /// `Inconsistent` if a key is not of this table.
    pub(crate) fn is_in(&self, keys: &[Key], target: bool) -> Result<String> {
        let names: Vec<String> = self
            .columns
            .iter()
            .map(|c| quote::identifier(if target { &c.target } else { &c.source }))
            .collect();
        let single = names.len() == 1;
        let mut list = String::new();
        for key in keys {
            let literals: Vec<String> = self
                .values(key)?
                .iter()
                .enumerate()
                .map(|(i, value)| self.literal(i, value))
                .collect();
            if !list.is_empty() {
                list.push(',');
            }
            match single {
                true => list.push_str(&literals[0]),
                false => list.push_str(&format!("({})", literals.join(","))),
            }
        }
        let names = if single {
            names[0].clone()
        } else {
            format!("({})", names.join(", "))
        };
        Ok(format!("{names} IN ({list})"))
    }

    /// The condition for the source's rows of a range, written so that the optimizer sees a range of the key.
    ///
    /// # Errors
    /// `Inconsistent` if a bound is not of this table.
    pub(crate) fn in_range(&self, range: &KeyRange) -> Result<String> {
        let mut conditions = Vec::new();
        if let Some(after) = &range.after {
            conditions.push(self.compare(after, '>', false)?);
        }
        if let Some(upto) = &range.upto {
            conditions.push(self.compare(upto, '<', true)?);
        }
        Ok(match conditions.is_empty() {
            true => "TRUE".to_owned(),
            false => conditions.join(" AND "),
        })
    }

    /// `(a > 1 OR (a = 1 AND (b > 2)))`, with the first column's bound once more in front.
    fn compare(&self, bound: &Key, operator: char, or_equal: bool) -> Result<String> {
        let values = self.values(bound)?;
        let mut condition = String::new();
        for (i, column) in self.columns.iter().enumerate().rev() {
            let (name, literal) = (quote::identifier(&column.source), self.literal(i, &values[i]));
            let last = i + 1 == self.columns.len();
            condition = match (last, or_equal) {
                (true, true) => format!("{name} {operator}= {literal}"),
                (true, false) => format!("{name} {operator} {literal}"),
                (false, _) => {
                    format!("({name} {operator}= {literal} AND ({name} {operator} {literal} OR ({condition})))")
                }
            };
        }
        Ok(condition)
    }

    /// A key as people write it, for messages.
    pub(crate) fn describe(&self, key: &Key) -> String {
        let values = self.values(key).unwrap_or_default();
        let shown = self
            .columns
            .iter()
            .zip(values)
            .map(|(c, v)| format!("{} = {}", c.source, v.describe()));
        shown.collect::<Vec<_>>().join(", ")
    }
}

fn weight(expression: &str, pad_to: Option<u64>) -> String {
    match pad_to {
        Some(length) if length > 0 => format!("HEX(WEIGHT_STRING({expression} AS CHAR({length})))"),
        _ => format!("HEX(WEIGHT_STRING({expression}))"),
    }
}

fn unreadable(why: &str) -> Error {
    Error::new(ErrorKind::Inconsistent, format!("a key's value can't be read: {why}"))
}

/// The source's index as a copy key, or why it can't be one.
fn candidate(
    source: &Table,
    shadow: &Table,
    index: &Index,
    target_of: impl Fn(&str) -> Option<String>,
) -> Result<CopyKey, String> {
    if !index.visible {
        return Err("it is invisible".to_owned());
    }
    let mut columns = Vec::new();
    for part in &index.parts {
        let name = part.as_ref().ok_or("it has an expression or a prefix of a column")?;
        let position = source
            .columns
            .iter()
            .position(|c| c.name == *name)
            .ok_or("a column is not visible")?;
        let column = &source.columns[position];
        if column.nullable {
            return Err(format!("column `{name}` may be NULL"));
        }
        if column.generated {
            return Err(format!("column `{name}` is generated"));
        }
        let target = target_of(name).ok_or_else(|| format!("column `{name}` is dropped"))?;
        let after = shadow
            .column(&target)
            .ok_or_else(|| format!("column `{target}` is missing after the change"))?;
        if column.data_type == "timestamp" && !source.has_fixed_zone {
            return Err(format!(
                "column `{name}` is a TIMESTAMP, whose values are ambiguous in the server's time zone for an hour a \
                 year (unless SET GLOBAL time_zone = '+00:00', or another fixed offset, suits the application)"
            ));
        }
        let kind = KeyKind::of(column).ok_or_else(|| {
            format!(
                "column `{name}` is of type {}, by which Outlast does not copy",
                column.data_type
            )
        })?;
        if !keeps_its_values(column, after) {
            return Err(format!(
                "the change turns column `{name}` from {} into {}, in which its values may compare differently",
                column.column_type, after.column_type
            ));
        }
        columns.push(KeyColumn {
            position,
            source: name.clone(),
            target: after.name.clone(),
            kind,
        });
    }
    let same_columns = |i: &&Index| {
        i.unique
            && i.parts.len() == columns.len()
            && columns
                .iter()
                .all(|c| i.parts.iter().any(|p| p.as_deref() == Some(c.target.as_str())))
    };
    let shadow_index = shadow
        .indexes
        .iter()
        .find(same_columns)
        .ok_or("the table has no such unique key after the change")?;
    Ok(CopyKey {
        index: index.name.clone(),
        shadow_index: shadow_index.name.clone(),
        columns,
    })
}

/// Whether every value of `before` is the same value, and compares alike, in `after`.
fn keeps_its_values(before: &Column, after: &Column) -> bool {
    let integer = |c: &Column| {
        matches!(
            c.data_type.as_str(),
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint"
        )
    };
    let text = |c: &Column| matches!(c.data_type.as_str(), "char" | "varchar");
    if after.generated || after.nullable {
        return false;
    }
    if integer(before) && integer(after) {
        return true;
    }
    if text(before) && text(after) {
        let shorter = after.characters < before.characters;
        return before.collation == after.collation && before.data_type == after.data_type && !shorter;
    }
    before.column_type == after.column_type || (before.data_type == "varbinary" && after.data_type == "varbinary")
}

#[cfg(test)]
mod tests;

//! The copy key: which key it is, its values as SQL, and their order as bytes.

mod choose;
mod conversion;
mod decode;
mod kind;
mod order;
mod value;

pub(crate) use decode::Decoder;
pub(crate) use kind::KeyKind;
pub(crate) use value::KeyValue;

use outlast_core::{Error, ErrorKind, Key, KeyRange, Result};
use outlast_mysql::{Session, quote};

use crate::turn::Turn;
use conversion::Conversion;
use kind::weight;

/// The unique key by which rows are copied, read again and deleted.
#[derive(Clone, Debug)]
pub(crate) struct CopyKey {
    /// Name of the source's index.
    pub(crate) index: String,
    /// Name of the shadow's index by which a key's row is found.
    pub(crate) shadow_index: String,
    /// Whether that index is the same unique key over the same values, so that it can't have duplicates.
    pub(crate) is_same_key: bool,
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
    /// Whether the index orders it from high to low.
    pub(crate) descending: bool,
    /// What the shadow makes of its values.
    conversion: Conversion,
}

/// Source or shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Source,
    Shadow,
}

impl KeyColumn {
    fn name(&self, side: Side) -> String {
        quote::identifier(match side {
            Side::Source => &self.source,
            Side::Shadow => &self.target,
        })
    }

    fn literal(&self, value: &KeyValue, side: Side) -> String {
        match side {
            Side::Source => value.literal(&self.kind),
            Side::Shadow => self.conversion.literal(value, &self.kind),
        }
    }

    /// An expression of the source's type; `alias` is the table's, with a dot, or empty.
    fn as_in_source(&self, side: Side, alias: &str) -> String {
        let name = format!("{alias}{}", self.name(side));
        match side {
            Side::Source => name,
            Side::Shadow => self.conversion.reversed(&name, &self.kind),
        }
    }
}

impl CopyKey {
    /// Whether rows are told apart by the bytes of their keys, because source and shadow compare differently.
    fn needs_bytes(&self) -> bool {
        self.columns.iter().any(|c| c.conversion.needs_bytes())
    }

    /// The key columns in the order of the source's key, or the reverse, as ORDER BY takes them.
    pub(crate) fn order_by(&self, side: Side, reversed: bool) -> String {
        let columns = self.columns.iter().map(|c| match c.descending != reversed {
            true => format!("{} DESC", c.name(side)),
            false => c.name(side),
        });
        columns.collect::<Vec<_>>().join(", ")
    }

    /// What to SELECT for a key, so that [`CopyKey::read_row`] reads it.
    pub(crate) fn select_list(&self, side: Side) -> String {
        self.select_list_of(side, "")
    }

    /// As [`CopyKey::select_list`], where the table has an alias, given with a dot.
    pub(crate) fn select_list_of(&self, side: Side, alias: &str) -> String {
        let lists = self
            .columns
            .iter()
            .flat_map(|c| c.kind.select(&c.as_in_source(side, alias)));
        lists.collect::<Vec<_>>().join(", ")
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
        let mut keys = Vec::with_capacity(rows.len());
        let mut turn = Turn::begin();
        for rows in rows.chunks(200) {
            turn.give_others_theirs().await;
            if text_columns.is_empty() {
                keys.extend(rows.iter().map(|values| self.key(values, Vec::new())));
                continue;
            }
            let selects: Vec<String> = rows
                .iter()
                .map(|values| {
                    let weights = text_columns.iter().map(|&i| match &self.columns[i].kind {
                        kind @ KeyKind::Text { pad_to, .. } => weight(&values[i].literal(kind), *pad_to),
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
        for (value, column) in values.iter().zip(&self.columns) {
            let begin = order.len();
            match value {
                KeyValue::Text(_) => order::push_bytes(&mut order, &weights.next().unwrap_or_default()),
                other => other.push_order(&mut order),
            }
            if column.descending {
                order[begin..].iter_mut().for_each(|byte| *byte = !*byte);
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

    /// `(a, b) IN ((1, 2), (3, 4))`, on the columns of the source or of the shadow.
    ///
    /// # Errors
    /// `Inconsistent` if a key is not of this table.
    pub(crate) fn is_in(&self, keys: &[Key], side: Side) -> Result<String> {
        let keys: Vec<Vec<KeyValue>> = keys.iter().map(|key| self.values(key)).collect::<Result<_>>()?;
        let found = self.tuple_in(&keys, |c| c.name(side), |c, value| c.literal(value, side));
        if !self.needs_bytes() {
            return Ok(found);
        }
        let bytes = self.tuple_in(
            &keys,
            |c| match c.conversion.needs_bytes() {
                true => format!("CAST({} AS BINARY)", c.as_in_source(side, "")),
                false => c.name(side),
            },
            |c, value| match value {
                KeyValue::Text(bytes) | KeyValue::Binary(bytes) if c.conversion.needs_bytes() => quote::hex(bytes),
                value => c.literal(value, side),
            },
        );
        Ok(format!("{found} AND {bytes}"))
    }

    fn tuple_in(
        &self,
        keys: &[Vec<KeyValue>],
        name: impl Fn(&KeyColumn) -> String,
        literal: impl Fn(&KeyColumn, &KeyValue) -> String,
    ) -> String {
        let tuple = |parts: Vec<String>| match parts.len() {
            1 => parts.concat(),
            _ => format!("({})", parts.join(",")),
        };
        let names = tuple(self.columns.iter().map(&name).collect());
        let list: Vec<String> = keys
            .iter()
            .map(|values| tuple(self.columns.iter().zip(values).map(|(c, v)| literal(c, v)).collect()))
            .collect();
        format!("{names} IN ({})", list.join(","))
    }

    /// `(s.a = c.a AND …)` for two aliases of tables with the shadow's key columns: whether they are the same row.
    pub(crate) fn is_same(&self, one: &str, other: &str) -> String {
        let equal = self.columns.iter().map(|c| {
            let name = c.name(Side::Shadow);
            match c.conversion.needs_bytes() {
                true => format!("CAST({one}.{name} AS BINARY) = CAST({other}.{name} AS BINARY)"),
                false => format!("{one}.{name} = {other}.{name}"),
            }
        });
        format!("({})", equal.collect::<Vec<_>>().join(" AND "))
    }

    /// The condition for the source's rows of a range, written so that the optimizer sees a range of the key.
    ///
    /// # Errors
    /// `Inconsistent` if a bound is not of this table.
    pub(crate) fn in_range(&self, range: &KeyRange) -> Result<String> {
        let mut conditions = Vec::new();
        if let Some(after) = &range.after {
            conditions.push(self.beyond(after, Bound::After)?);
        }
        if let Some(upto) = &range.upto {
            conditions.push(self.beyond(upto, Bound::UpTo)?);
        }
        Ok(match conditions.is_empty() {
            true => "TRUE".to_owned(),
            false => conditions.join(" AND "),
        })
    }

    /// `(a >= 1 AND (a > 1 OR (b > 2)))`: the first column's bound once more in front, for the optimizer.
    fn beyond(&self, bound: &Key, which: Bound) -> Result<String> {
        let values = self.values(bound)?;
        let mut condition = String::new();
        for (column, value) in self.columns.iter().zip(&values).rev() {
            let higher = (which == Bound::After) != column.descending;
            let last = condition.is_empty();
            condition = match last {
                true => column.compare(value, higher, which == Bound::UpTo),
                false => format!(
                    "({} AND ({} OR ({condition})))",
                    column.compare(value, higher, true),
                    column.compare(value, higher, false)
                ),
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

/// Which end of a range.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// The lower one, excluded.
    After,
    /// The upper one, included.
    UpTo,
}

/// An ENUM of more members is compared by number, for which the optimizer uses no index.
const MOST_LISTED: usize = 255;

impl KeyColumn {
    /// The source's column compared with a value: higher or lower, or equal too.
    fn compare(&self, value: &KeyValue, higher: bool, or_equal: bool) -> String {
        let (name, literal) = (self.name(Side::Source), self.literal(value, Side::Source));
        let operator = match (higher, or_equal) {
            (true, true) => ">=",
            (true, false) => ">",
            (false, true) => "<=",
            (false, false) => "<",
        };
        match (&self.kind, value) {
            (KeyKind::Enum { members }, KeyValue::Unsigned(number)) if members.len() <= MOST_LISTED => {
                let beyond: Vec<String> = (0..=members.len() as u64)
                    .filter(|n| (or_equal && n == number) || (n != number && (n > number) == higher))
                    .map(|n| n.to_string())
                    .collect();
                match beyond.is_empty() {
                    true => "FALSE".to_owned(),
                    false => format!("{name} IN ({})", beyond.join(",")),
                }
            }
            // Compared as texts, they would be in another order.
            (KeyKind::Enum { .. } | KeyKind::Set { .. }, KeyValue::Unsigned(number)) => {
                format!("CAST({name} AS UNSIGNED) {operator} {number}")
            }
            _ => format!("{name} {operator} {literal}"),
        }
    }
}

fn unreadable(why: &str) -> Error {
    Error::new(ErrorKind::Inconsistent, format!("a key's value can't be read: {why}"))
}

#[cfg(test)]
mod tests;

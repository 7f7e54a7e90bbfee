//! Choosing the copy key.

use outlast_core::{Error, ErrorKind, Result};

use super::{CopyKey, KeyColumn, KeyKind, conversion::Conversion};
use crate::table::{Column, Index, Table};

impl CopyKey {
    /// Chooses the key: the primary key if it can be used, else the unique key with the fewest columns; or takes the one that
    /// was chosen before, `only`.
    ///
    /// A key can be used if its columns are NOT NULL, stay in the table, keep their values apart, and lead an index of the
    /// shadow by which a row is found.
    ///
    /// # Errors
    /// `Refused`, saying for each unique key of the source why it can't be used.
    pub(crate) fn choose(
        source: &Table,
        shadow: &Table,
        target_of: impl Fn(&str) -> Option<String>,
        only: Option<&str>,
    ) -> Result<Self> {
        let mut reasons = Vec::new();
        let mut candidates = Vec::new();
        let is_asked_for = |index: &&Index| index.unique && only.is_none_or(|only| index.name == only);
        for index in source.indexes.iter().filter(is_asked_for) {
            match candidate(source, shadow, index, &target_of) {
                Ok(key) => candidates.push(key),
                Err(reason) => reasons.push(format!("`{}`: {reason}", index.name)),
            }
        }
        // A MINIMAL row image holds no other key than the primary one.
        candidates.sort_by_key(|k| (k.index != "PRIMARY", k.needs_bytes(), k.columns.len()));
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
}

/// The source's index as a copy key, or why it can't be one.
fn candidate(
    source: &Table,
    shadow: &Table,
    index: &Index,
    target_of: impl Fn(&str) -> Option<String>,
) -> Result<CopyKey, String> {
    let mut columns = Vec::new();
    for part in &index.parts {
        let name = part
            .column
            .as_ref()
            .ok_or("it has an expression or a prefix of a column")?;
        if target_of(name).is_none() && !columns.is_empty() {
            break;
        }
        columns.push(key_column(source, shadow, name, part.descending, &target_of)?);
    }
    // Where the change drops the key's last columns, the first ones must be a key of their own.
    let is_whole = columns.len() == index.parts.len();
    let (shadow_index, is_exact) = shadow
        .indexes
        .iter()
        .filter_map(|i| Some((i, finds_rows(i, &columns)?)))
        .filter(|(_, fit)| is_whole || *fit != Fit::Leading)
        .max_by_key(|(i, fit)| (*fit, i.name == "PRIMARY"))
        .map(|(i, fit)| (i.name.clone(), fit == Fit::SameKey))
        .ok_or("after the change no index of the table begins with its columns")?;
    Ok(CopyKey {
        index: index.name.clone(),
        is_same_key: is_exact && is_whole && columns.iter().all(|c| c.conversion == Conversion::Same),
        shadow_index,
        columns,
    })
}

fn key_column(
    source: &Table,
    shadow: &Table,
    name: &str,
    descending: bool,
    target_of: impl Fn(&str) -> Option<String>,
) -> Result<KeyColumn, String> {
    let position = source
        .columns
        .iter()
        .position(|c| c.name == *name)
        .ok_or("a column is not visible")?;
    let column = &source.columns[position];
    if column.nullable {
        return Err(format!("column `{name}` may be NULL"));
    }
    let target = target_of(name).ok_or_else(|| format!("column `{name}` is dropped"))?;
    let after = shadow
        .column(&target)
        .ok_or_else(|| format!("column `{target}` is missing after the change"))?;
    check_generated(column, after)?;
    if column.data_type == "timestamp" && !source.has_fixed_zone {
        return Err(format!(
            "column `{name}` is a TIMESTAMP, whose values are ambiguous in the server's time zone for an hour a year \
             (unless SET GLOBAL time_zone = '+00:00', or another fixed offset, suits the application)"
        ));
    }
    let kind = KeyKind::of(column).ok_or_else(|| {
        format!(
            "column `{name}` is of type {}, by which Outlast does not copy",
            column.data_type
        )
    })?;
    Ok(KeyColumn {
        position,
        source: name.to_owned(),
        target: after.name.clone(),
        kind,
        descending,
        conversion: Conversion::between(column, after, source.is_strict)?,
    })
}

/// A generated column is a key if the binlog holds its values, and the shadow's are the same.
fn check_generated(before: &Column, after: &Column) -> Result<(), String> {
    if before.generated.as_ref().is_some_and(|g| !g.stored) {
        return Err(format!("column `{}` is generated and not stored", before.name));
    }
    match &after.generated {
        Some(generated) if before.generated.as_ref().map(|g| &g.expression) != Some(&generated.expression) => Err(
            format!("column `{}` is generated otherwise after the change", before.name),
        ),
        _ => Ok(()),
    }
}

/// How an index of the shadow serves to find the row of a key, from worse to better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// The key's columns lead it.
    Leading,
    /// It is unique, and has some of the key's columns and no others.
    Part,
    /// It is unique, and has the key's columns and no others.
    SameKey,
}

fn finds_rows(index: &Index, columns: &[KeyColumn]) -> Option<Fit> {
    let is_of_key = |part: Option<&String>| columns.iter().any(|c| Some(&c.target) == part);
    let leading = index
        .parts
        .iter()
        .take_while(|part| is_of_key(part.column.as_ref()))
        .count();
    let whole = leading == index.parts.len();
    match () {
        () if index.is_special || leading == 0 => None,
        () if whole && index.unique && leading == columns.len() => Some(Fit::SameKey),
        () if whole && index.unique => Some(Fit::Part),
        () if leading >= columns.len() => Some(Fit::Leading),
        () => None,
    }
}

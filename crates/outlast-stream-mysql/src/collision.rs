//! Which rows of the shadow stand in the way of a row, after a duplicate key error.
//!
//! The rows to be written go into a temporary table with the shadow's column types, so that their values are converted
//! exactly as in the shadow; a join on the unique key's columns then names the shadow's rows.

use outlast_core::{Error, ErrorKind, Key, Result};
use outlast_mysql::{Session, quote};

use crate::{key::Side, plan::Plan};

/// The index of `table` that an error 1062 names: `Duplicate entry '…' for key 'table.index'`.
fn index_of(error: &Error, table: &str) -> Option<String> {
    let message = error.message();
    let quoted = &message[message.rfind(" for key '")? + " for key '".len()..];
    let name = &quoted[..quoted.rfind('\'')?];
    let index = name.strip_prefix(table).and_then(|rest| rest.strip_prefix('.'));
    let index = index.or_else(|| name.rsplit_once('.').map(|(_, index)| index));
    Some(index.unwrap_or(name).to_owned())
}

/// Rows of the shadow that hold unique values of rows that are to be written.
pub(crate) struct Blocking {
    /// Their keys.
    pub(crate) keys: Vec<Key>,
    /// For people: rows of the source that share a value.
    pub(crate) twins: Option<String>,
}

impl Blocking {
    /// For people: the rows that the error is about, if they are known.
    pub(crate) fn rows(&self, plan: &Plan) -> Option<String> {
        let held_by = |key| {
            format!(
                "another row has this value already, the one with {}",
                plan.key.describe(key)
            )
        };
        self.twins.clone().or_else(|| self.keys.first().map(held_by))
    }
}

/// What stands in the way of the source's rows that meet `condition`, after `error`, a duplicate; `None` if the index can't be compared
/// that way (expressions, prefixes, generated columns): then only time tells.
///
/// # Errors
/// `Inconsistent` if the copy key itself is in the shadow twice; those of the server.
pub(crate) async fn blocking(
    session: &mut Session,
    plan: &Plan,
    error: &Error,
    condition: &str,
) -> Result<Option<Blocking>> {
    let Some(values) = Values::of(plan, error)? else {
        return Ok(None);
    };
    values.create(session).await?;
    let blocking = values.blocking(session, condition).await;
    // An error ends the session, or the next look drops it.
    values.drop(session).await?;
    blocking.map(Some)
}

/// Deletes the rows of the shadow that stand in the way of the source's rows that meet `condition`, after `error`, a duplicate; in the
/// open transaction. Returns their keys, which may be none: in the meantime, the source may have changed again.
///
/// Nothing is lost by that, as [`OpenStream::apply`](outlast_core::OpenStream::apply) says (invariant I5). Nobody else may apply at the same time.
///
/// # Errors
/// `error`, with the rows it is about, if none is old: then two rows of the source have the value. Also if the index can't be compared.
pub(crate) async fn displace(session: &mut Session, plan: &Plan, error: Error, condition: &str) -> Result<Vec<Key>> {
    let Some(values) = Values::of(plan, &error)? else {
        return Err(error);
    };
    values.create(session).await?;
    let blocking = values.blocking(session, condition).await?;
    let mut old = blocking.keys.clone();
    if !old.is_empty() && blocking.twins.is_none() {
        let current = values.unchanged(session, &plan.key.is_in(&old, Side::Source)?).await?;
        old.retain(|key| !current.contains(key));
    }
    values.drop(session).await?;
    if blocking.twins.is_some() || (old.is_empty() && !blocking.keys.is_empty()) {
        return Err(about(error, blocking.rows(plan)));
    }
    if !old.is_empty() {
        session.run(&plan.delete(&old)?).await?;
    }
    Ok(old)
}

/// The error, with the rows it is about if they are known.
pub(crate) fn about(error: Error, rows: Option<String>) -> Error {
    match rows {
        Some(rows) => error.context(rows),
        None => error,
    }
}

/// A temporary table for the values of one unique index, and of the copy key, as the shadow holds them.
struct Values<'a> {
    plan: &'a Plan,
    index: &'a str,
    unique: Vec<&'a str>,
    /// The copy key's columns.
    key: Vec<&'a str>,
    /// The columns of both.
    all: Vec<&'a str>,
    /// Its name.
    temporary: String,
}

impl<'a> Values<'a> {
    fn of(plan: &'a Plan, error: &Error) -> Result<Option<Self>> {
        let Some(index) = index_of(error, &plan.shadow.name) else {
            return Ok(None);
        };
        if plan.key.is_same_key && index == plan.key.shadow_index {
            return Err(Error::new(
                ErrorKind::Inconsistent,
                format!("a row of the copy key itself is in the shadow twice ({error})"),
            ));
        }
        let Some(index) = plan.shadow.indexes.iter().find(|i| i.name == index) else {
            return Ok(None);
        };
        let is_fed = |column: &&str| plan.source_of(column).is_some();
        let unique: Option<Vec<&str>> = index
            .parts
            .iter()
            .map(|part| part.column.as_deref().filter(is_fed))
            .collect();
        let Some(unique) = unique else {
            return Ok(None);
        };
        let key: Vec<&str> = plan.key.columns.iter().map(|column| column.target.as_str()).collect();
        if !key.iter().all(is_fed) {
            return Ok(None);
        }
        let others = key.iter().filter(|column| !unique.contains(column));
        Ok(Some(Self {
            plan,
            index: &index.name,
            all: unique.iter().chain(others).copied().collect(),
            unique,
            key,
            temporary: quote::table(&plan.shadow.schema, "_outlast_colliding"),
        }))
    }

    async fn create(&self, session: &mut Session) -> Result<()> {
        self.drop(session).await?;
        let create = format!(
            "CREATE TEMPORARY TABLE {} (_outlast_n BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY) AS SELECT {} FROM {} LIMIT 0",
            self.temporary,
            names(&self.all),
            self.plan.shadow.quoted()
        );
        session.run(&create).await.map(drop)
    }

    async fn drop(&self, session: &mut Session) -> Result<()> {
        let drop_it = format!("DROP TEMPORARY TABLE IF EXISTS {}", self.temporary);
        session.run(&drop_it).await.map(drop)
    }

    /// Puts the source's rows that meet `condition` in.
    async fn fill(&self, session: &mut Session, condition: &str) -> Result<()> {
        session.run(&format!("DELETE FROM {}", self.temporary)).await?;
        let select = self.plan.select_for(&self.all, condition).unwrap_or_default();
        let (settings, all) = (&self.plan.settings, names(&self.all));
        let insert = format!("INSERT {settings}INTO {} ({all}) {select}", self.temporary);
        session.run(&insert).await.map(drop)
    }

    async fn blocking(&self, session: &mut Session, condition: &str) -> Result<Blocking> {
        self.fill(session, condition).await?;
        let keys = self.holders(session, &format!("NOT {}", self.is_same())).await?;
        let unique = names(&self.unique);
        let twins: Option<(Vec<u8>, u64)> = session
            .first(&format!(
                "SELECT LEFT(GROUP_CONCAT(CONCAT_WS('-', {}) ORDER BY 1 SEPARATOR ' and '), 200), COUNT(*) FROM {} \
                 WHERE CONCAT({unique}) IS NOT NULL GROUP BY {unique} HAVING COUNT(*) > 1 LIMIT 1",
                names(&self.key),
                self.temporary,
            ))
            .await?;
        let twins = twins.map(|(rows, count)| {
            let (key, rows) = (self.key.join("-"), String::from_utf8_lossy(&rows));
            format!("{count} rows have this value, those with {key} {rows}")
        });
        Ok(Blocking { keys, twins })
    }

    /// Keys of the shadow's rows that hold the same unique values as the source's rows with the same keys, of those that meet
    /// `condition`.
    async fn unchanged(&self, session: &mut Session, condition: &str) -> Result<Vec<Key>> {
        self.fill(session, condition).await?;
        self.holders(session, &self.is_same()).await
    }

    fn is_same(&self) -> String {
        self.plan.key.is_same(&self.plan.shadow.quoted(), "outlast_c")
    }

    /// Keys of the shadow's rows that hold a unique value which is in the temporary table, and meet a condition.
    async fn holders(&self, session: &mut Session, condition: &str) -> Result<Vec<Key>> {
        // By its whole name: under LOCK TABLES, an alias would be another table.
        let shadow = self.plan.shadow.quoted();
        let equal = |column: &&str| format!("{shadow}.{0} = outlast_c.{0}", quote::identifier(column));
        let equal: Vec<String> = self.unique.iter().map(equal).collect();
        let rows: Vec<mysql_async::Row> = session
            .rows(&format!(
                "SELECT {}DISTINCT {} FROM {} AS outlast_c STRAIGHT_JOIN {shadow} FORCE INDEX ({}) ON {} WHERE {condition}",
                self.plan.settings,
                self.plan.key.select_list_of(Side::Shadow, &format!("{shadow}.")),
                self.temporary,
                quote::identifier(self.index),
                equal.join(" AND "),
            ))
            .await?;
        rows.into_iter().map(|row| self.plan.key.read_row(row)).collect()
    }
}

fn names(columns: &[&str]) -> String {
    let quoted: Vec<String> = columns.iter().map(|column| quote::identifier(column)).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_read_from_the_message_whatever_the_value_holds() {
        let error = |message: &str| Error::new(ErrorKind::Duplicate, message);
        let plain = error("Duplicate entry 'a' for key 't.email' (MySQL error 1062)");
        assert_eq!(index_of(&plain, "t").as_deref(), Some("email"));
        let nasty = error("Duplicate entry 'x' for key 'y' for key 't.uni que' (MySQL error 1062)");
        assert_eq!(index_of(&nasty, "t").as_deref(), Some("uni que"));
        let dotted = error("Duplicate entry 'x' for key 't.u.a.b' (MySQL error 1062)");
        assert_eq!(index_of(&dotted, "t.u").as_deref(), Some("a.b"));
        assert_eq!(index_of(&error("something else"), "t"), None);
    }
}

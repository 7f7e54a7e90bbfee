//! Which rows of the shadow stand in the way of a row, after a duplicate key error.
//!
//! The rows to be written go into a temporary table with the shadow's column types, so that their values are converted
//! exactly as in the shadow; a join on the unique key's columns then names the shadow's rows.

use outlast_core::{Error, Key, Result};
use outlast_mysql::{Session, quote};

use crate::{key::Side, plan::Plan};

/// The shadow's index that an error 1062 names: `Duplicate entry '…' for key 'table.index'`.
pub(crate) fn index_of(error: &Error) -> Option<String> {
    let message = error.message();
    let quoted = &message[message.rfind(" for key '")? + " for key '".len()..];
    let name = &quoted[..quoted.rfind('\'')?];
    Some(name.rsplit_once('.').map_or(name, |(_, index)| index).to_owned())
}

/// Keys of the shadow's rows whose values in `index` equal those of source rows that meet `condition`, and that are other
/// rows. Empty if the index can't be compared that way (expressions, prefixes, generated columns): then only time tells.
/// With them, for people, the keys of source rows that have the same values.
///
/// # Errors
/// Those of the server.
pub(crate) async fn blocking_keys(
    session: &mut Session,
    plan: &Plan,
    index: &str,
    condition: &str,
) -> Result<(Vec<Key>, Option<String>)> {
    let Some(index) = plan.shadow.indexes.iter().find(|i| i.name == index) else {
        return Ok((Vec::new(), None));
    };
    let mut targets: Vec<&str> = Vec::new();
    for part in &index.parts {
        match part.column.as_deref().filter(|target| plan.source_of(target).is_some()) {
            Some(target) => targets.push(target),
            None => return Ok((Vec::new(), None)),
        }
    }
    let unique = targets.clone();
    for column in &plan.key.columns {
        if !targets.contains(&column.target.as_str()) {
            targets.push(&column.target);
        }
    }
    let Some(select) = plan.select_for(&targets, condition) else {
        return Ok((Vec::new(), None));
    };
    let list: Vec<String> = targets.iter().map(|t| quote::identifier(t)).collect();
    let list = list.join(", ");
    let temporary = quote::table(&plan.shadow.schema, "_outlast_colliding");
    session
        .run(&format!("DROP TEMPORARY TABLE IF EXISTS {temporary}"))
        .await?;
    session
        .run(&format!(
            "CREATE TEMPORARY TABLE {temporary} (_outlast_n BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY) \
             AS SELECT {list} FROM {} LIMIT 0",
            plan.shadow.quoted()
        ))
        .await?;
    session
        .run(&format!("INSERT {}INTO {temporary} ({list}) {select}", plan.settings,))
        .await?;
    let equal = |columns: &[&str]| {
        let pairs: Vec<String> = columns
            .iter()
            .map(|c| format!("s.{0} = outlast_c.{0}", quote::identifier(c)))
            .collect();
        pairs.join(" AND ")
    };
    let rows: Vec<mysql_async::Row> = session
        .rows(&format!(
            "SELECT DISTINCT {} FROM {temporary} AS outlast_c STRAIGHT_JOIN {} AS s FORCE INDEX ({}) ON {} WHERE {}",
            plan.key.select_list_of(Side::Shadow, "s."),
            plan.shadow.quoted(),
            quote::identifier(&index.name),
            equal(&unique),
            plan.key.differs("s", "outlast_c"),
        ))
        .await?;
    let names = |columns: &[&str]| {
        columns
            .iter()
            .map(|c| quote::identifier(c))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let keys: Vec<&str> = plan.key.columns.iter().map(|c| c.target.as_str()).collect();
    let twins: Option<(Vec<u8>, u64)> = session
        .first(&format!(
            "SELECT LEFT(GROUP_CONCAT(CONCAT_WS('-', {}) ORDER BY 1 SEPARATOR ' and '), 200), COUNT(*) FROM {temporary} \
             WHERE CONCAT({}) IS NOT NULL GROUP BY {} HAVING COUNT(*) > 1 LIMIT 1",
            names(&keys),
            names(&unique),
            names(&unique),
        ))
        .await?;
    session
        .run(&format!("DROP TEMPORARY TABLE IF EXISTS {temporary}"))
        .await?;
    let blocking: Vec<Key> = rows
        .into_iter()
        .map(|row| plan.key.read_row(row))
        .collect::<Result<_>>()?;
    let rows = match (twins, blocking.first()) {
        (Some((rows, count)), _) => Some(format!(
            "{count} rows have this value, those with {} {}",
            keys.join("-"),
            String::from_utf8_lossy(&rows)
        )),
        (None, Some(key)) => Some(format!(
            "another row has this value already, the one with {}",
            plan.key.describe(key)
        )),
        (None, None) => None,
    };
    Ok((blocking, rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use outlast_core::ErrorKind;

    #[test]
    fn the_index_is_read_from_the_message_whatever_the_value_holds() {
        let error = |message: &str| Error::new(ErrorKind::Duplicate, message);
        let plain = error("Duplicate entry 'a' for key 't.email' (MySQL error 1062)");
        assert_eq!(index_of(&plain).as_deref(), Some("email"));
        let nasty = error("Duplicate entry 'x' for key 'y' for key 't.uni que' (MySQL error 1062)");
        assert_eq!(index_of(&nasty).as_deref(), Some("uni que"));
        assert_eq!(index_of(&error("something else")), None);
    }
}

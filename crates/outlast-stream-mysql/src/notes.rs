//! What the first owner of a migration found out, and whoever adopts it has to go by: in a table beside the shadow, so that it
//! fails over with it.

use outlast_core::{Error, ErrorKind, Result};
use outlast_mysql::{Session, quote};

/// The table, in the shadow's schema.
pub(crate) const TABLE: &str = "_outlast_notes";

/// The columns, but for the first.
type Row = (bool, String, String, String, Option<u64>, Option<String>);

/// See the module's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notes {
    /// Whether MySQL's own ALTER would work in place, and so leave all values as they are.
    pub(crate) works_in_place: bool,
    /// The sql_mode by which values are converted.
    pub(crate) sql_mode: String,
    /// The time zone in which they are, as `SYSTEM` or `+02:00`.
    pub(crate) time_zone: String,
    /// The AUTO_INCREMENT counter of the empty shadow: what the statement set it to, if it did.
    pub(crate) counter: Option<u64>,
    /// The source's index by which rows are copied, and of which the checkpoint's keys are; `None` while it is not chosen.
    pub(crate) key_index: Option<String>,
    /// The shadow's definition once its indexes are built; `None` if none is built later.
    pub(crate) whole: Option<String>,
}

impl Notes {
    /// Notes for a migration that begins in this session.
    ///
    /// # Errors
    /// Those of the server.
    pub(crate) async fn begin(session: &mut Session, works_in_place: bool, counter: Option<u64>) -> Result<Self> {
        Ok(Self {
            works_in_place,
            counter,
            sql_mode: session.value("SELECT @@SESSION.sql_mode").await?,
            time_zone: session.value("SELECT @@SESSION.time_zone").await?,
            key_index: None,
            whole: None,
        })
    }

    /// Writes them into a new table.
    ///
    /// # Errors
    /// Those of the server.
    pub(crate) async fn write(&self, session: &mut Session, shadow_schema: &str) -> Result<()> {
        let table = quote::table(shadow_schema, TABLE);
        session
            .run(&format!(
                "CREATE TABLE {table} (id INT PRIMARY KEY, works_in_place BOOL NOT NULL, sql_mode TEXT NOT NULL, \
                 time_zone VARCHAR(255) NOT NULL, key_index VARCHAR(64) NOT NULL, counter BIGINT UNSIGNED, \
                 whole MEDIUMTEXT) CHARACTER SET utf8mb4"
            ))
            .await?;
        session
            .run(&format!(
                "INSERT INTO {table} VALUES (1, {}, {}, {}, {}, {}, {})",
                self.works_in_place,
                quote::text(&self.sql_mode),
                quote::text(&self.time_zone),
                quote::text(self.key_index.as_deref().unwrap_or_default()),
                self.counter.map_or("NULL".to_owned(), |counter| counter.to_string()),
                self.whole.as_deref().map_or("NULL".to_owned(), quote::text),
            ))
            .await?;
        Ok(())
    }

    /// Reads them.
    ///
    /// # Errors
    /// `Inconsistent` if there are none.
    pub(crate) async fn read(session: &mut Session, shadow_schema: &str) -> Result<Self> {
        let missing = || {
            Error::new(
                ErrorKind::Inconsistent,
                format!(
                    "table {} is missing, by which a migration goes on; the source is untouched. Clean this migration up and \
                     submit it anew",
                    quote::table(shadow_schema, TABLE)
                ),
            )
        };
        let row: Option<Row> = session
            .first(&format!(
                "SELECT works_in_place, sql_mode, time_zone, key_index, counter, whole FROM {}",
                quote::table(shadow_schema, TABLE)
            ))
            .await
            .map_err(|error| match error.code() {
                Some(1146 | 1049) => missing().with_source(error),
                _ => error,
            })?;
        let (works_in_place, sql_mode, time_zone, key_index, counter, whole) = row.ok_or_else(missing)?;
        Ok(Self {
            works_in_place,
            sql_mode,
            time_zone,
            counter,
            key_index: Some(key_index),
            whole,
        })
    }

    /// Whether a value that does not fit is an error.
    pub(crate) fn is_strict(&self) -> bool {
        let is_strict = |mode| matches!(mode, "STRICT_TRANS_TABLES" | "STRICT_ALL_TABLES");
        self.sql_mode.split(',').any(is_strict)
    }

    /// What to set in a session that reads definitions, which show moments in its time zone, or changes the shadow's, which has all
    /// its defaults checked again.
    pub(crate) fn settings_for_definitions(&self) -> String {
        format!(
            "SET SESSION time_zone = {}, sql_mode = {}",
            quote::text(&self.time_zone),
            quote::text(&self.mode_with_any_date())
        )
    }

    /// The sql_mode, but for what it has against dates.
    pub(crate) fn mode_with_any_date(&self) -> String {
        let minds_dates = ["NO_ZERO_DATE", "NO_ZERO_IN_DATE", "TRADITIONAL"];
        let kept = self.sql_mode.split(',').filter(|mode| !minds_dates.contains(mode));
        kept.chain(["ALLOW_INVALID_DATES"]).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_kept_and_all_else_is_checked() {
        let notes = Notes {
            works_in_place: true,
            sql_mode: "STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,NO_AUTO_VALUE_ON_ZERO".to_owned(),
            time_zone: "SYSTEM".to_owned(),
            counter: None,
            key_index: None,
            whole: None,
        };
        assert!(notes.is_strict());
        assert_eq!(
            notes.mode_with_any_date(),
            "STRICT_TRANS_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES"
        );
    }
}

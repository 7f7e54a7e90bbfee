//! Creating the state schema. Its tables belong to several backends, which do not know each other.

use outlast_core::{Error, ErrorKind, Result, check_up::Check, topology::Finding};

use crate::{STATE_SCHEMA, Session, failpoint, quote};

/// MySQL's number for a schema that does not exist (`ER_BAD_DB_ERROR`).
const UNKNOWN_DATABASE: u16 = 1049;
/// MySQL's number for a table that does not exist (`ER_NO_SUCH_TABLE`).
const NO_SUCH_TABLE: u16 = 1146;

/// Tables that one backend keeps in the state schema.
#[derive(Clone, Copy, Debug)]
pub struct Tables {
    /// The backend's name in `_outlast.schema_version`.
    pub part: &'static str,
    /// Version of the definitions; grows when they change.
    pub version: u32,
    /// `CREATE TABLE IF NOT EXISTS` statements, in order.
    pub definitions: &'static [&'static str],
}

impl Tables {
    /// Creates what is missing. One query if nothing is; may be called by several agents at the same time.
    ///
    /// # Errors
    /// `AccessDenied` with the privilege to grant; `Refused` if a later version of Outlast has created the tables;
    /// `NotPrimary` if something is missing on a read-only server.
    pub async fn install(&self, session: &mut Session) -> Result<()> {
        let installed = match self.is_installed(session).await {
            Ok(true) => Ok(()),
            Ok(false) => failpoint!(session, Step::InstallTables, self.create(session).await),
            Err(error) => Err(error),
        };
        installed.map_err(|error| match error.kind() {
            ErrorKind::Refused => error,
            ErrorKind::AccessDenied => error.context(format_args!(
                "creating the schema {STATE_SCHEMA} on {}; let an administrator run: \
                 GRANT ALL ON `\\_outlast%`.* TO the user that Outlast connects as",
                session.address()
            )),
            _ => error.context(format_args!(
                "creating the schema {STATE_SCHEMA} on {}",
                session.address()
            )),
        })
    }

    /// Whether the tables are there, and of a version that this program knows.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn check_up(&self, session: &mut Session) -> Result<Check> {
        let part = self.part;
        let outcome = match self.is_installed(session).await {
            Ok(true) => Ok(format!("{part}: version {}", self.version)),
            Ok(false) => Ok(format!("{part}: made, or brought up to date, by the first submission")),
            Err(error) if error.kind() == ErrorKind::Refused => Err(Finding::refusal(error.message())),
            Err(error) => return Err(error),
        };
        Ok(Check::of(session.address(), "own tables", outcome))
    }

    async fn is_installed(&self, session: &mut Session) -> Result<bool> {
        let sql = format!(
            "SELECT version FROM {STATE_SCHEMA}.schema_version WHERE part = {}",
            quote::text(self.part)
        );
        let installed: Option<u32> = match session.first(&sql).await {
            Err(error) if is_missing(&error) => None,
            found => found?,
        };
        match installed {
            Some(version) if version > self.version => Err(Error::new(
                ErrorKind::Refused,
                format!(
                    "the tables of {STATE_SCHEMA} on {} are of version {version} ({}), this program knows versions up to \
                     {}; nothing was changed; use the Outlast version that created them, or a later one",
                    session.address(),
                    self.part,
                    self.version
                ),
            )),
            found => Ok(found == Some(self.version)),
        }
    }

    async fn create(&self, session: &mut Session) -> Result<()> {
        session
            .run(&format!(
                "CREATE DATABASE IF NOT EXISTS {STATE_SCHEMA} CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin"
            ))
            .await?;
        session
            .run(&format!(
                "CREATE TABLE IF NOT EXISTS {STATE_SCHEMA}.schema_version (\
                 part VARCHAR(32) NOT NULL, version INT UNSIGNED NOT NULL, installed_at DATETIME(6) NOT NULL, \
                 PRIMARY KEY (part)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC \
                 COMMENT='versions of the tables in this schema; all times are UTC'"
            ))
            .await?;
        for definition in self.definitions {
            session.run(definition).await?;
        }
        let record = format!(
            "INSERT INTO {STATE_SCHEMA}.schema_version (part, version, installed_at) VALUES (?, ?, UTC_TIMESTAMP(6)) AS new \
             ON DUPLICATE KEY UPDATE version = new.version, installed_at = new.installed_at"
        );
        session.run_with(&record, (self.part, self.version)).await?;
        Ok(())
    }
}

/// Whether an error says that the state schema, or a table in it, does not exist.
pub fn is_missing(error: &Error) -> bool {
    matches!(error.code(), Some(UNKNOWN_DATABASE | NO_SUCH_TABLE))
}

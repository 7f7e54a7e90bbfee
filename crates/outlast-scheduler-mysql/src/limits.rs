//! What migrations must not add to, of the whole cluster or of one migration.

use outlast_core::{Error, ErrorKind, MigrationId, Result, throttle::Limits};
use outlast_mysql::{Session, failpoint, is_missing, quote};

use crate::{
    history::{self, Entry},
    stored,
};

/// Stored for the whole cluster.
const CLUSTER: &str = "";

/// The limits of exactly this scope; those that say nothing if none are stored.
pub(crate) async fn of(session: &mut Session, scope: Option<&MigrationId>) -> Result<Limits> {
    let sql = format!(
        "SELECT CAST(limits AS CHAR) FROM _outlast.limits WHERE scope = {}",
        quote::text(scope.map_or(CLUSTER, MigrationId::as_str))
    );
    let stored: Option<String> = match session.first(&sql).await {
        // The table comes with the first limits that are set, or the first migration of this version.
        Err(error) if is_missing(&error) => None,
        found => found?,
    };
    stored.map_or(Ok(Limits::default()), |text| {
        serde_json::from_str(&text).map_err(|error| {
            let what = "the limits in _outlast.limits can't be read; set them again with `outlast throttle`";
            Error::new(ErrorKind::Inconsistent, what).with_source(error)
        })
    })
}

/// Stores limits, with a line in the migration's history.
pub(crate) async fn set(session: &mut Session, scope: Option<&MigrationId>, limits: &Limits) -> Result<()> {
    let text = serde_json::to_string(limits)
        .map_err(|error| Error::new(ErrorKind::BadRequest, "these limits can't be stored").with_source(error))?;
    session.run("START TRANSACTION").await?;
    if let Some(id) = scope {
        let known: Option<u64> = session
            .first(&format!(
                "SELECT epoch FROM _outlast.migrations WHERE id = {}",
                quote::text(id.as_str())
            ))
            .await?;
        if known.is_none() {
            session.run("ROLLBACK").await?;
            return Err(stored::unknown(id, session));
        }
    }
    let sql = "INSERT INTO _outlast.limits (scope, limits, set_at) VALUES (?, ?, UTC_TIMESTAMP(6)) AS new \
               ON DUPLICATE KEY UPDATE limits = new.limits, set_at = new.set_at";
    let scope_text = scope.map_or(CLUSTER, MigrationId::as_str);
    session.run_with(sql, (scope_text, text.as_str())).await?;
    if let Some(id) = scope {
        let entry = Entry {
            migration: id,
            epoch: history::epoch(session, id).await?,
            agent: "",
            kind: "limits",
            detail: &text,
        };
        history::append(session, entry).await?;
    }
    failpoint!(session, Step::LimitsCommit, session.run("COMMIT").await).map(drop)
}

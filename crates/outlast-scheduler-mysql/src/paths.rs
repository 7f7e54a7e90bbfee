//! By which path a migration goes, and the intent of one that copies nothing.

use mysql_async::Row;
use outlast_core::{
    Error, ErrorKind, Lease, MigrationId, Result,
    intent::{Choice, Intent},
};
use outlast_mysql::{Session, failpoint, is_missing, quote};

use crate::{
    leased::{LeasedSessions, tell},
    stored::{field, parsed},
};

/// Records a path, its intent and a line of history, in one fenced transaction.
pub(crate) async fn choose(sessions: &LeasedSessions, lease: &Lease, choice: &Choice) -> Result<()> {
    let path = choice.path().name();
    let (statement, before, after, detail) = match choice {
        Choice::Direct(i) => (
            Some(i.statement.as_str()),
            Some(i.before.as_str()),
            Some(i.after.as_str()),
            format!("{path}: {}", i.statement),
        ),
        Choice::Copy { reason } => (None, None, None, format!("{path}: {reason}")),
    };
    let mut transaction = sessions.begin(lease).await?;
    let sql = "INSERT INTO _outlast.paths (migration, path, statement, definition_before, definition_after, chosen_at) \
        VALUES (?, ?, ?, ?, ?, UTC_TIMESTAMP(6)) AS new ON DUPLICATE KEY UPDATE \
        chosen_at = IF((paths.path, paths.statement, paths.definition_before, paths.definition_after) <=> \
            (new.path, new.statement, new.definition_before, new.definition_after), paths.chosen_at, new.chosen_at), \
        path = new.path, statement = new.statement, definition_before = new.definition_before, \
        definition_after = new.definition_after";
    let values = (lease.migration.as_str(), path, statement, before, after);
    let changed = transaction.session().run_with(sql, values).await?;
    if changed > 0 {
        tell(&mut transaction, lease, "path", &detail).await?;
    }
    failpoint!(
        sessions.of(lease),
        Step::PathCommit,
        transaction.commit_without_data().await
    )
}

/// The intent of a migration, if it copies nothing.
pub(crate) async fn intent(session: &mut Session, id: &MigrationId) -> Result<Option<Intent>> {
    let sql = format!(
        "SELECT path, statement, definition_before, definition_after FROM _outlast.paths WHERE migration = {}",
        quote::text(id.as_str())
    );
    let row: Option<Row> = match session.first(&sql).await {
        Err(error) if is_missing(&error) => None,
        found => found?,
    };
    let Some(mut row) = row else {
        return Ok(None);
    };
    let row = &mut row;
    let path = parsed(row, "path")?;
    if path == outlast_core::scheduler::Path::Copy {
        return Ok(None);
    }
    let mut text = |name: &str| {
        field::<Option<String>>(row, name)?.ok_or_else(|| {
            let what = format!(
                "migration {id} goes by path {path}, but {name} of its intent is not stored; nothing was changed"
            );
            Error::new(ErrorKind::Inconsistent, what)
        })
    };
    Ok(Some(Intent {
        path,
        statement: text("statement")?,
        before: text("definition_before")?,
        after: text("definition_after")?,
    }))
}

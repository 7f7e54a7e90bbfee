//! New migrations.

use outlast_core::{
    Epoch, Error, ErrorKind, Phase, Result, Status,
    scheduler::{Migration, Submission},
};
use outlast_mysql::{Session, failpoint, quote};

use crate::{
    history::{self, Entry},
    policies, stored,
};

/// Stores a migration as queued, with its fence, its policies and the first line of its history, in one transaction.
pub(crate) async fn submit(session: &mut Session, submission: &Submission) -> Result<()> {
    if let Some(earlier) = stored::find(session, &submission.id).await? {
        return same_as(&earlier, submission);
    }
    session.run("START TRANSACTION").await?;
    match insert(session, submission).await {
        Ok(()) => failpoint!(session, Step::SubmitCommit, session.run("COMMIT").await).map(drop),
        Err(error) if error.kind() == ErrorKind::Duplicate => {
            session.run("ROLLBACK").await?;
            explain(session, submission, error).await
        }
        Err(error) => Err(error),
    }
}

async fn insert(session: &mut Session, submission: &Submission) -> Result<()> {
    let options = serde_json::to_string(&submission.options).map_err(|error| {
        let what = "the migration's options can't be written as JSON; nothing was changed";
        Error::new(ErrorKind::Refused, what).with_source(error)
    })?;
    // Nobody's until the first adoption: no lease has an empty incarnation.
    let fence = "INSERT INTO _outlast.fence (migration, epoch, incarnation, server_uuid) VALUES (?, 0, '', '')";
    session.run_with(fence, (submission.id.as_str(),)).await?;
    let migration = "INSERT INTO _outlast.migrations \
        (id, statement, schema_name, table_name, options, status, phase, complete_requested, message, liveness, \
        submitted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))";
    let values = (
        submission.id.as_str(),
        submission.statement.as_str(),
        submission.schema.as_str(),
        submission.table.as_str(),
        options,
        Status::Queued.name(),
        Phase::Preparing.name(),
        !submission.options.postpone_completion,
    );
    session.run_with(migration, values).await?;
    for component in &submission.components {
        policies::store(session, component).await?;
    }
    let entry = Entry {
        migration: &submission.id,
        epoch: Epoch(0),
        agent: "",
        kind: "submitted",
        detail: &submission.statement,
    };
    history::append(session, entry).await
}

/// A submission that was stored already is no error; another one under its id is.
fn same_as(earlier: &Migration, submission: &Submission) -> Result<()> {
    if earlier.statement == submission.statement {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::BadRequest,
        format!(
            "migration {} exists already with another statement; nothing was changed; submit under a new id",
            submission.id
        ),
    ))
}

/// What a duplicate key means: somebody else has stored the same migration, or one of the same table.
async fn explain(session: &mut Session, submission: &Submission, error: Error) -> Result<()> {
    if let Some(earlier) = stored::find(session, &submission.id).await? {
        return same_as(&earlier, submission);
    }
    match unfinished(session, &submission.schema, &submission.table).await? {
        Some(id) => Err(Error::new(
            ErrorKind::Refused,
            format!(
                "migration {id} of {} is not finished; nothing was changed; wait for it, or cancel it \
                 (`outlast cancel {id}`)",
                quote::table(&submission.schema, &submission.table)
            ),
        )
        .with_source(error)),
        None => Err(error
            .into_kind(ErrorKind::Passing)
            .context("another migration of the same table ended at this moment; submit again")),
    }
}

/// The unfinished migration of a table.
pub(crate) async fn unfinished(session: &mut Session, schema: &str, table: &str) -> Result<Option<String>> {
    let sql = "SELECT id FROM _outlast.migrations WHERE schema_name = ? AND table_name = ? AND unfinished = 1";
    session.first_with(sql, (schema, table)).await
}

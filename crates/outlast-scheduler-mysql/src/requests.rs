//! What users ask of migrations.
//!
//! A request locks the migration's own row and nothing else, so that it can't deadlock with owners and adopters.

use outlast_core::{Epoch, Error, ErrorKind, MigrationId, Result, Status, scheduler::Request};
use outlast_mysql::{Session, failpoint, is_missing, quote};

use crate::{
    history::{self, Entry},
    stored,
    submission::unfinished,
};

/// Of a migration's row, what decides whether a request fits.
struct Current {
    status: Status,
    epoch: Epoch,
    schema: String,
    table: String,
    complete_requested: bool,
    cancel_requested: bool,
    was_retried: bool,
}

/// What a request does.
#[derive(Debug, PartialEq, Eq)]
enum Effect {
    /// It has been done, by an earlier call whose reply was lost.
    Nothing,
    /// Sets these columns and writes this line.
    Update {
        assignments: &'static str,
        kind: &'static str,
    },
    /// It does not fit.
    Refusal(&'static str),
}

/// Does what a user asks, in one transaction.
pub(crate) async fn request(session: &mut Session, id: &MigrationId, request: Request) -> Result<()> {
    session.run("START TRANSACTION").await?;
    let Some(current) = lock(session, id).await? else {
        session.run("ROLLBACK").await?;
        return Err(stored::unknown(id, session));
    };
    let (assignments, kind) = match effect(request, &current) {
        Effect::Update { assignments, kind } => (assignments, kind),
        Effect::Nothing => return session.run("ROLLBACK").await.map(drop),
        Effect::Refusal(what_to_do) => {
            session.run("ROLLBACK").await?;
            let message = format!(
                "migration {id} is {}; nothing was changed; {what_to_do}",
                current.status
            );
            return Err(Error::new(ErrorKind::BadRequest, message));
        }
    };
    let id_text = quote::text(id.as_str());
    let update = format!("UPDATE _outlast.migrations SET {assignments} WHERE id = {id_text}");
    if let Err(error) = session.run(&update).await {
        session.run("ROLLBACK").await?;
        return Err(explain(session, id, &current, error).await?);
    }
    let entry = Entry {
        migration: id,
        epoch: current.epoch,
        agent: "",
        kind,
        detail: "",
    };
    history::append(session, entry).await?;
    failpoint!(session, Step::RequestCommit, session.run("COMMIT").await).map(drop)
}

async fn lock(session: &mut Session, id: &MigrationId) -> Result<Option<Current>> {
    type Columns = (String, u64, String, String, bool, bool, bool);
    let sql = format!(
        "SELECT status, epoch, schema_name, table_name, complete_requested, cancel_requested, retried_at IS NOT NULL \
         FROM _outlast.migrations WHERE id = {} FOR UPDATE",
        quote::text(id.as_str())
    );
    let row: Option<Columns> = match session.first(&sql).await {
        Err(error) if is_missing(&error) => None,
        found => found?,
    };
    let Some(row) = row else {
        return Ok(None);
    };
    let (status, epoch, schema, table, complete_requested, cancel_requested, was_retried) = row;
    let status = status.parse().map_err(|error| {
        Error::new(
            ErrorKind::Inconsistent,
            format!("the status of migration {id} can't be read"),
        )
        .with_source(error)
    })?;
    Ok(Some(Current {
        status,
        epoch: Epoch(epoch),
        schema,
        table,
        complete_requested,
        cancel_requested,
        was_retried,
    }))
}

fn effect(request: Request, current: &Current) -> Effect {
    match (request, current.status) {
        (Request::Complete, Status::Queued | Status::Running) if current.complete_requested => Effect::Nothing,
        (Request::Complete, Status::Queued | Status::Running) => Effect::Update {
            assignments: "complete_requested = TRUE",
            kind: "complete-requested",
        },
        (Request::Complete, Status::Complete) => Effect::Refusal("there is nothing left to complete"),
        (Request::Complete, Status::Failed | Status::Cancelled) => Effect::Refusal("retry it first"),
        // Nobody owns a queued migration: it is cancelled here and now.
        (Request::Cancel, Status::Queued) => Effect::Update {
            assignments: "status = 'cancelled', cancel_requested = TRUE, message = 'cancelled before it was started', \
                          ended_at = UTC_TIMESTAMP(6)",
            kind: "cancelled",
        },
        (Request::Cancel, Status::Running) if current.cancel_requested => Effect::Nothing,
        (Request::Cancel, Status::Running) => Effect::Update {
            assignments: "cancel_requested = TRUE",
            kind: "cancel-requested",
        },
        (Request::Cancel, Status::Cancelled) => Effect::Nothing,
        (Request::Cancel, Status::Complete) => Effect::Refusal("the new table is in place"),
        (Request::Cancel, Status::Failed) => Effect::Refusal("nobody works on it; clean it up, or retry it"),
        (Request::Retry, Status::Failed | Status::Cancelled) => Effect::Update {
            assignments: "status = 'queued', retries = retries + 1, cancel_requested = FALSE, message = '', ended_at = NULL, eta_seconds = NULL, \
                          liveness = UTC_TIMESTAMP(6), retried_at = UTC_TIMESTAMP(6)",
            kind: "retry-requested",
        },
        (Request::Retry, Status::Queued) if current.was_retried => Effect::Nothing,
        (Request::Retry, Status::Queued | Status::Running) => Effect::Refusal("it goes on by itself"),
        (Request::Retry, Status::Complete) => Effect::Refusal("submit a new migration"),
    }
}

/// What a failed update means: the table has another unfinished migration by now, or it is the server's error.
async fn explain(session: &mut Session, id: &MigrationId, current: &Current, error: Error) -> Result<Error> {
    if error.kind() != ErrorKind::Duplicate {
        return Ok(error);
    }
    Ok(match unfinished(session, &current.schema, &current.table).await? {
        Some(other) => Error::new(
            ErrorKind::BadRequest,
            format!(
                "migration {id} can't be queued again while migration {other} of the same table is not finished; nothing \
                 was changed; wait for it, or cancel it (`outlast cancel {other}`)"
            ),
        )
        .with_source(error),
        None => error.into_kind(ErrorKind::Passing),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn current(status: Status) -> Current {
        Current {
            status,
            epoch: Epoch(1),
            schema: "s".to_owned(),
            table: "t".to_owned(),
            complete_requested: false,
            cancel_requested: false,
            was_retried: false,
        }
    }

    #[test]
    fn nothing_can_be_asked_of_a_complete_migration() {
        for request in [Request::Complete, Request::Cancel, Request::Retry] {
            let effect = effect(request, &current(Status::Complete));
            assert!(matches!(effect, Effect::Refusal(_)), "{request:?}");
        }
    }

    #[test]
    fn asking_again_has_no_further_effect() {
        for (request, status) in [
            (Request::Complete, Status::Queued),
            (Request::Complete, Status::Running),
            (Request::Cancel, Status::Running),
            (Request::Cancel, Status::Cancelled),
            (Request::Retry, Status::Queued),
        ] {
            let asked = Current {
                complete_requested: true,
                cancel_requested: true,
                was_retried: true,
                ..current(status)
            };
            assert_eq!(effect(request, &asked), Effect::Nothing, "{request:?} {status}");
        }
    }

    #[test]
    fn a_migration_that_never_ended_is_not_retried() {
        for status in [Status::Queued, Status::Running] {
            assert!(matches!(effect(Request::Retry, &current(status)), Effect::Refusal(_)));
        }
    }
}

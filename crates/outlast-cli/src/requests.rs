//! `outlast complete`, `cancel`, `retry` and `cleanup`.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use outlast_core::{MigrationId, Phase, Status, scheduler::Request};

use crate::{
    cluster::{Cluster, Found},
    exit::{COMPLETE, Failure},
    show::OwnTables,
};

/// How long `cancel` waits for the owner before it says that none answers.
const PATIENCE: Duration = Duration::from_secs(10);

async fn request(cluster: &Cluster, prefix: &str, request: Request) -> Result<MigrationId, Failure> {
    let id = cluster.find_id(prefix).await?;
    let primary = cluster.settled_primary().await?;
    cluster.scheduler.request(&primary, &id, request).await?;
    Ok(id)
}

pub(crate) async fn complete(cluster: &Cluster, prefix: &str) -> Result<ExitCode, Failure> {
    let id = request(cluster, prefix, Request::Complete).await?;
    eprintln!("Asked to complete. `outlast status {id}` shows when it has.");
    Ok(ExitCode::from(COMPLETE))
}

pub(crate) async fn cancel(cluster: &Cluster, prefix: &str) -> Result<ExitCode, Failure> {
    let id = request(cluster, prefix, Request::Cancel).await?;
    let begun = Instant::now();
    let mut phase = None;
    while begun.elapsed() < PATIENCE {
        // The request is stored; a failover now only delays the answer.
        let Ok(Found { migration, .. }) = cluster.find(id.as_str()).await else {
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        };
        phase = Some(migration.phase);
        match migration.status {
            Status::Cancelled => {
                eprintln!(
                    "Cancelled. The source table is untouched; copied rows are kept: `outlast retry {id}` goes on from there."
                );
                return Ok(ExitCode::from(COMPLETE));
            }
            Status::Complete | Status::Failed => {
                return Err(Failure::refused(format!(
                    "migration {id} was {} before it could be cancelled",
                    migration.status
                )));
            }
            Status::Queued | Status::Running => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
    eprintln!("{}", asked_to_cancel(&id, phase));
    Ok(ExitCode::from(COMPLETE))
}

/// What is said if nobody has cancelled the migration yet, which was last seen in this phase. What has happened already can't be
/// cancelled, and in the cut-over, nobody but the tables knows.
fn asked_to_cancel(id: &MigrationId, phase: Option<Phase>) -> String {
    let owner = format!("Asked to cancel, but its owner has not done so within {PATIENCE:?}.");
    match phase {
        Some(Phase::CuttingOver) => format!(
            "{owner} It is in its cut-over: if the new definition is in place already, the migration will be complete, and not \
             cancelled; else it is cancelled. `outlast status {id}` says which, once an agent runs, or after `outlast resume {id}`."
        ),
        _ => format!("{owner} It is cancelled once an agent runs, or by `outlast resume {id}`."),
    }
}

pub(crate) async fn retry(cluster: &Cluster, prefix: &str) -> Result<ExitCode, Failure> {
    let id = request(cluster, prefix, Request::Retry).await?;
    let primary = cluster.settled_primary().await?;
    let from = match cluster.checkpoints.load(&primary, &id).await {
        Ok(None) => "begins anew",
        Ok(Some(_)) | Err(_) => "goes on from its checkpoint",
    };
    eprintln!("Queued again. It {from} when an agent runs, or by `outlast resume {id}`.");
    Ok(ExitCode::from(COMPLETE))
}

pub(crate) async fn clean_up(cluster: &Cluster, prefix: &str) -> Result<ExitCode, Failure> {
    let id = cluster.find_id(prefix).await?;
    let primary = cluster.settled_primary().await?;
    let migration = cluster.scheduler.get(&primary, &id).await?;
    let own = OwnTables::of(&migration, &cluster.stream.own_tables(&primary).await?);
    // One that can't be read is there.
    let checkpoint = !matches!(cluster.checkpoints.load(&primary, &id).await, Ok(None));
    cluster.stream.clean_up(&primary, &migration).await?;
    cluster.checkpoints.forget(&primary, &id).await?;
    eprintln!("{}", cleaned_up(&id, &own, checkpoint));
    Ok(ExitCode::from(COMPLETE))
}

/// What a clean-up has dropped.
fn cleaned_up(id: &MigrationId, own: &OwnTables, checkpoint: bool) -> String {
    let dropped = [
        own.shadow.as_ref().map(|table| format!("the shadow {table}")),
        own.retired.as_ref().map(|table| format!("the retired table {table}")),
        checkpoint.then(|| "the checkpoint".to_owned()),
    ];
    let dropped: Vec<String> = dropped.into_iter().flatten().collect();
    match dropped.is_empty() {
        true => format!("Nothing was left of migration {id} but its history, which is kept."),
        false => format!(
            "Dropped of migration {id}: {}. Its history is kept.",
            dropped.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_up_names_what_there_was() {
        let id = MigrationId::from_random(1);
        let nothing = cleaned_up(&id, &OwnTables::default(), false);
        assert!(nothing.starts_with("Nothing was left"), "{nothing}");
        let own = OwnTables {
            shadow: None,
            retired: Some("old.t".to_owned()),
        };
        let dropped = cleaned_up(&id, &own, true);
        assert!(
            dropped.contains("the retired table old.t, the checkpoint") && !dropped.contains("shadow"),
            "{dropped}"
        );
    }

    #[test]
    fn a_cancellation_is_not_promised_where_the_swap_may_have_happened() {
        let id = MigrationId::from_random(1);
        let promise = asked_to_cancel(&id, Some(Phase::Copying));
        assert!(
            promise.contains("It is cancelled once") && !promise.contains("complete"),
            "{promise}"
        );
        let open = asked_to_cancel(&id, Some(Phase::CuttingOver));
        assert!(
            open.contains("in place already, the migration will be complete"),
            "{open}"
        );
    }
}

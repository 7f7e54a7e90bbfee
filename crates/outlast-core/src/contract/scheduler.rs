//! The contract of [`Scheduler`].

mod ending;
mod history;
mod limits;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::join_all;

pub use self::ending::{
    a_stale_migration_fails_by_compare_and_swap, finishing_again_changes_nothing, finishing_ends_the_lease,
    finishing_without_its_proof_changes_nothing,
};
pub use self::history::{history_is_kept_in_order, what_repeats_is_one_line_of_history};
pub use self::limits::{limits_are_kept_for_each_scope, limits_of_an_unknown_migration_are_a_bad_request};
use super::{ClusterFixture, failure, fresh_agent, fresh_submission, proven};
use crate::{
    error::{ErrorKind, Result},
    ids::{Epoch, Incarnation, MigrationId, ServerUuid},
    intent::{Choice, Intent},
    scheduler::{
        Ending, Event, Lease, Migration, Options, Path, Phase, PolicyChoice, PolicyComponent, Report, Request,
        Requests, Scheduler, Status, Submission,
    },
};

/// What the suite needs of a backend.
#[async_trait]
pub trait SchedulerFixture: ClusterFixture {
    /// The scheduler. It is installed on the primary.
    fn scheduler(&self) -> Arc<dyn Scheduler>;

    /// Has a running server on which nothing of Outlast was ever installed. It need not belong to the cluster.
    fn bare_server(&self) -> crate::ids::Server;
}

/// Stamps the suite's tests onto a backend: `scheduler_suite!(fixture)`, where `fixture` may await.
#[macro_export]
macro_rules! scheduler_suite {
    ($fixture:expr) => {
        $crate::stamp_contract! { $fixture, scheduler:
            installing_again_keeps_what_is_stored
            list_on_a_server_without_installation_is_empty
            a_submitted_migration_is_stored_as_given
            submitting_again_changes_nothing
            an_id_is_not_given_to_another_statement
            a_second_migration_of_a_table_is_refused_naming_the_first
            a_table_is_free_again_once_its_migration_is_over
            migrations_are_listed_oldest_first
            an_unknown_migration_is_a_bad_request
            adoption_makes_an_owner
            an_adoption_tells_what_its_server_had_executed
            adoption_is_won_by_exactly_one
            adopting_again_after_a_lost_reply_is_fenced_and_shows_the_owner
            adoption_of_a_finished_migration_is_fenced
            a_fenced_owner_writes_nothing
            a_lease_is_valid_for_one_life_on_one_server
            a_beat_shows_progress_and_life
            a_message_of_any_length_is_stored
            a_phase_is_shown_and_told_once
            a_chosen_path_is_shown_and_told_once
            an_intent_replicates_until_a_copy_takes_its_place
            finishing_ends_the_lease
            finishing_again_changes_nothing
            finishing_without_its_proof_changes_nothing
            a_stale_migration_fails_by_compare_and_swap
            requests_reach_the_owner
            asking_again_changes_nothing
            a_request_that_does_not_fit_is_a_bad_request
            a_retry_queues_the_migration_where_it_stopped
            history_is_kept_in_order
            what_repeats_is_one_line_of_history
            policy_components_are_stored_with_the_migration
            a_read_only_server_is_no_primary
            limits_are_kept_for_each_scope
            limits_of_an_unknown_migration_are_a_bad_request
            a_replica_tells_the_same
            a_server_that_does_not_answer_is_gone
        }
    };
}

async fn submitted(fixture: &impl SchedulerFixture) -> Result<Submission> {
    let submission = fresh_submission();
    fixture.scheduler().submit(&fixture.primary(), &submission).await?;
    Ok(submission)
}

async fn adopted(fixture: &impl SchedulerFixture, id: &MigrationId, expected: Epoch) -> Result<Lease> {
    let (agent, incarnation) = fresh_agent();
    let primary = fixture.primary();
    fixture
        .scheduler()
        .adopt(&primary, id, expected, &agent, &incarnation)
        .await
}

async fn running(fixture: &impl SchedulerFixture) -> Result<Lease> {
    let submission = submitted(fixture).await?;
    adopted(fixture, &submission.id, Epoch(0)).await
}

async fn stored(fixture: &impl SchedulerFixture, id: &MigrationId) -> Result<Migration> {
    fixture.scheduler().get(&fixture.primary(), id).await
}

/// Everything that is stored of a migration, but for its age.
async fn picture(fixture: &impl SchedulerFixture, id: &MigrationId) -> Result<String> {
    let mut migration = stored(fixture, id).await?;
    migration.liveness_age = Duration::ZERO;
    let events = fixture.scheduler().events(&fixture.primary(), id).await?;
    Ok(format!("{migration:#?} {events:#?}"))
}

/// Installing creates what is missing and touches nothing else.
pub async fn installing_again_keeps_what_is_stored(fixture: &impl SchedulerFixture) -> Result<()> {
    let submission = submitted(fixture).await?;
    fixture.scheduler().install(&fixture.primary()).await?;
    assert_eq!(stored(fixture, &submission.id).await?.statement, submission.statement);
    Ok(())
}

/// A server that never heard of Outlast has no migrations; that is no error.
pub async fn list_on_a_server_without_installation_is_empty(fixture: &impl SchedulerFixture) -> Result<()> {
    assert!(fixture.scheduler().list(&fixture.bare_server()).await?.is_empty());
    Ok(())
}

/// What was submitted is what an agent will do.
pub async fn a_submitted_migration_is_stored_as_given(fixture: &impl SchedulerFixture) -> Result<()> {
    let mut submission = fresh_submission();
    submission.statement = format!(
        "ALTER TABLE contract.{} COMMENT 'Grüße, \"x\" \\\\ 🦀'",
        submission.table
    );
    submission.options = Options {
        postpone_completion: true,
        chunk_rows: Some(17),
        policy_params: vec![("patience".to_owned(), "5m".to_owned())],
        ..Options::default()
    };
    fixture.scheduler().submit(&fixture.primary(), &submission).await?;
    let migration = stored(fixture, &submission.id).await?;
    assert_eq!(migration.id, submission.id);
    assert_eq!(migration.statement, submission.statement);
    assert_eq!(
        (&migration.schema, &migration.table),
        (&submission.schema, &submission.table)
    );
    assert_eq!(migration.options, submission.options);
    assert_eq!((migration.status, migration.phase), (Status::Queued, Phase::Preparing));
    assert_eq!((migration.owner.clone(), migration.epoch), (None, Epoch(0)));
    assert_eq!(
        (migration.failovers, migration.retries, migration.rows_copied),
        (0, 0, 0)
    );
    assert!(!migration.may_complete() && !migration.cancel_requested);
    assert_eq!(migration.ended_at, None);
    Ok(())
}

/// Submitting with the same id and statement, as after a lost reply, stores nothing new.
pub async fn submitting_again_changes_nothing(fixture: &impl SchedulerFixture) -> Result<()> {
    let submission = submitted(fixture).await?;
    let before = picture(fixture, &submission.id).await?;
    fixture.scheduler().submit(&fixture.primary(), &submission).await?;
    assert_eq!(picture(fixture, &submission.id).await?, before);
    Ok(())
}

/// Two migrations never get mixed up by their id.
pub async fn an_id_is_not_given_to_another_statement(fixture: &impl SchedulerFixture) -> Result<()> {
    let submission = submitted(fixture).await?;
    let other = Submission {
        statement: format!("{} COMMENT 'other'", submission.statement),
        ..submission.clone()
    };
    assert!(fixture.scheduler().submit(&fixture.primary(), &other).await.is_err());
    assert_eq!(stored(fixture, &submission.id).await?.statement, submission.statement);
    Ok(())
}

/// A table has one unfinished migration at most, and whoever is refused learns which.
pub async fn a_second_migration_of_a_table_is_refused_naming_the_first(fixture: &impl SchedulerFixture) -> Result<()> {
    let first = submitted(fixture).await?;
    let second = Submission {
        id: fresh_submission().id,
        ..first.clone()
    };
    let refused = fixture.scheduler().submit(&fixture.primary(), &second).await;
    let error = refused.expect_err("a second migration of the table must be refused");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(
        error.message().contains(first.id.as_str()),
        "{error} does not name {}",
        first.id
    );
    Ok(())
}

/// An ended migration does not keep its table.
pub async fn a_table_is_free_again_once_its_migration_is_over(fixture: &impl SchedulerFixture) -> Result<()> {
    let first = submitted(fixture).await?;
    let lease = adopted(fixture, &first.id, Epoch(0)).await?;
    fixture
        .scheduler()
        .finish(&lease, Ending::Failed, "for the test", proven())
        .await?;
    let second = Submission {
        id: fresh_submission().id,
        ..first
    };
    fixture.scheduler().submit(&fixture.primary(), &second).await
}

/// The queue's order is the order of submission.
pub async fn migrations_are_listed_oldest_first(fixture: &impl SchedulerFixture) -> Result<()> {
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(submitted(fixture).await?.id);
    }
    let listed = fixture.scheduler().list(&fixture.primary()).await?;
    let listed: Vec<MigrationId> = listed.into_iter().map(|m| m.id).filter(|id| ids.contains(id)).collect();
    assert_eq!(listed, ids);
    Ok(())
}

/// A mistyped id is told from a server's failure.
pub async fn an_unknown_migration_is_a_bad_request(fixture: &impl SchedulerFixture) -> Result<()> {
    let (scheduler, primary) = (fixture.scheduler(), fixture.primary());
    let unknown = fresh_submission().id;
    assert_eq!(
        failure(scheduler.get(&primary, &unknown).await),
        Some(ErrorKind::BadRequest)
    );
    let cancelled = scheduler.request(&primary, &unknown, Request::Cancel).await;
    assert_eq!(failure(cancelled), Some(ErrorKind::BadRequest));
    assert!(scheduler.events(&primary, &unknown).await?.is_empty());
    Ok(())
}

/// After an adoption everybody sees who runs the migration, where, and since which epoch.
pub async fn adoption_makes_an_owner(fixture: &impl SchedulerFixture) -> Result<()> {
    let lease = running(fixture).await?;
    assert_eq!((lease.epoch, &lease.server), (Epoch(1), &fixture.primary()));
    let migration = stored(fixture, &lease.migration).await?;
    assert_eq!((migration.status, migration.epoch), (Status::Running, Epoch(1)));
    let owner = migration.owner.expect("an adopted migration has an owner");
    assert_eq!(
        (owner.agent, owner.incarnation),
        (lease.agent.clone(), lease.incarnation.clone())
    );
    assert_eq!(owner.server, fixture.primary().uuid);
    let events = fixture.scheduler().events(&fixture.primary(), &lease.migration).await?;
    assert!(
        events
            .iter()
            .any(|event| event.kind == "adopted" && event.epoch == Epoch(1)),
        "{events:?}"
    );
    fixture.scheduler().beat(&lease, &Report::default()).await
}

/// The next owner learns what the copies of the last one could see.
pub async fn an_adoption_tells_what_its_server_had_executed(fixture: &impl SchedulerFixture) -> Result<()> {
    let (scheduler, primary) = (fixture.scheduler(), fixture.primary());
    let submission = submitted(fixture).await?;
    let last = async || scheduler.last_adoption(&primary, &submission.id).await;
    assert_eq!(last().await?, None);
    adopted(fixture, &submission.id, Epoch(0)).await?;
    let first = last().await?.expect("it was adopted");
    assert_eq!(first.server, primary.uuid);
    // The submission at least, and not the adoption itself.
    assert!(!first.executed.is_empty());
    adopted(fixture, &submission.id, Epoch(1)).await?;
    let second = last().await?.expect("it was adopted");
    assert_eq!(second.server, primary.uuid);
    assert!(first.executed.is_subset(&second.executed), "{first:?} {second:?}");
    assert_ne!(first.executed, second.executed);
    Ok(())
}

/// The compare-and-swap: of any number of agents that saw the same epoch, one adopts.
pub async fn adoption_is_won_by_exactly_one(fixture: &impl SchedulerFixture) -> Result<()> {
    let submission = submitted(fixture).await?;
    for epoch in 0..3 {
        let attempts = join_all((0..8).map(|_| adopted(fixture, &submission.id, Epoch(epoch)))).await;
        let (won, lost): (Vec<_>, Vec<_>) = attempts.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1, "{won:?} {lost:?}");
        for loss in lost {
            assert_eq!(failure(loss), Some(ErrorKind::Fenced));
        }
        let winner = won.into_iter().next().expect("there is one")?;
        assert_eq!(winner.epoch, Epoch(epoch + 1));
        let owner = stored(fixture, &submission.id).await?.owner;
        assert_eq!(owner.map(|owner| owner.incarnation), Some(winner.incarnation));
    }
    Ok(())
}

/// An adopter that lost the reply finds itself as the owner.
pub async fn adopting_again_after_a_lost_reply_is_fenced_and_shows_the_owner(
    fixture: &impl SchedulerFixture,
) -> Result<()> {
    let lease = running(fixture).await?;
    let primary = fixture.primary();
    let (scheduler, id) = (fixture.scheduler(), &lease.migration);
    let again = scheduler
        .adopt(&primary, id, Epoch(0), &lease.agent, &lease.incarnation)
        .await;
    assert_eq!(failure(again), Some(ErrorKind::Fenced));
    let migration = stored(fixture, id).await?;
    assert_eq!(migration.epoch, lease.epoch);
    assert_eq!(migration.owner.map(|owner| owner.incarnation), Some(lease.incarnation));
    Ok(())
}

/// What is over is not taken up again by itself.
pub async fn adoption_of_a_finished_migration_is_fenced(fixture: &impl SchedulerFixture) -> Result<()> {
    for ending in [Ending::Complete, Ending::Failed, Ending::Cancelled] {
        let lease = running(fixture).await?;
        fixture.scheduler().finish(&lease, ending, "", proven()).await?;
        let epoch = stored(fixture, &lease.migration).await?.epoch;
        assert_eq!(
            failure(adopted(fixture, &lease.migration, epoch).await),
            Some(ErrorKind::Fenced)
        );
    }
    Ok(())
}

async fn assert_fenced(fixture: &impl SchedulerFixture, lease: &Lease) -> Result<()> {
    let scheduler = fixture.scheduler();
    let before = picture(fixture, &lease.migration).await?;
    let report = Report {
        rows_copied: 4711,
        ..Report::default()
    };
    assert_eq!(failure(scheduler.beat(lease, &report).await), Some(ErrorKind::Fenced));
    assert_eq!(
        failure(scheduler.enter(lease, Phase::Following).await),
        Some(ErrorKind::Fenced)
    );
    assert_eq!(
        failure(scheduler.choose(lease, &direct()).await),
        Some(ErrorKind::Fenced)
    );
    let finished = scheduler.finish(lease, Ending::Failed, "not mine", proven()).await;
    assert_eq!(failure(finished), Some(ErrorKind::Fenced));
    assert_eq!(picture(fixture, &lease.migration).await?, before);
    Ok(())
}

/// Once another owner has adopted, nothing of the one before takes effect.
pub async fn a_fenced_owner_writes_nothing(fixture: &impl SchedulerFixture) -> Result<()> {
    let old = running(fixture).await?;
    let new = adopted(fixture, &old.migration, old.epoch).await?;
    assert_fenced(fixture, &old).await?;
    assert_eq!(
        failure(fixture.scheduler().requests(&old).await),
        Some(ErrorKind::Fenced)
    );
    fixture.scheduler().beat(&new, &Report::default()).await
}

/// The fence is the whole triple: a lossy promotion may give out an epoch twice.
pub async fn a_lease_is_valid_for_one_life_on_one_server(fixture: &impl SchedulerFixture) -> Result<()> {
    let lease = running(fixture).await?;
    let other_life = Lease {
        incarnation: Incarnation::new("0000000000000000"),
        ..lease.clone()
    };
    assert_fenced(fixture, &other_life).await?;
    let mut other_server = lease.clone();
    other_server.server.uuid = ServerUuid::new("00000000-0000-4000-8000-000000000000");
    assert_fenced(fixture, &other_server).await
}

/// What an owner reports is shown, and proves that it lives.
pub async fn a_beat_shows_progress_and_life(fixture: &impl SchedulerFixture) -> Result<()> {
    let lease = running(fixture).await?;
    let report = Report {
        rows_copied: 41,
        table_rows: u64::from(u32::MAX) + 42,
        eta_seconds: Some(43),
        message: "waits for a lock".to_owned(),
    };
    // Its age is what is tested.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let aged = stored(fixture, &lease.migration).await?.liveness_age;
    assert!(aged >= Duration::from_millis(1400), "{aged:?}");
    fixture.scheduler().beat(&lease, &report).await?;
    let migration = stored(fixture, &lease.migration).await?;
    assert_eq!(
        (migration.rows_copied, migration.table_rows),
        (report.rows_copied, report.table_rows)
    );
    assert_eq!(
        (migration.eta_seconds, migration.message),
        (report.eta_seconds, report.message)
    );
    assert!(migration.liveness_age < aged, "{:?}", migration.liveness_age);
    fixture.scheduler().beat(&lease, &Report::default()).await?;
    let migration = stored(fixture, &lease.migration).await?;
    assert_eq!((migration.eta_seconds, migration.message.as_str()), (None, ""));
    Ok(())
}

/// A text longer than its column is cut; it never fails its own transaction.
pub async fn a_message_of_any_length_is_stored(fixture: &impl SchedulerFixture) -> Result<()> {
    let lease = running(fixture).await?;
    let (scheduler, primary) = (fixture.scheduler(), fixture.primary());
    let begins_so = |stored: &str, sent: &str| {
        let begin: String = sent.chars().take(100).collect();
        assert!(stored.starts_with(&begin), "{stored:.200} instead of {begin}");
    };
    for text in [
        "x".repeat(70_000),
        "ü'\\\"".repeat(30_000),
        "🦀".repeat(50_000),
        "\0\n%s".repeat(5_000),
    ] {
        let report = Report {
            message: text.clone(),
            ..Report::default()
        };
        scheduler.beat(&lease, &report).await?;
        begins_so(&stored(fixture, &lease.migration).await?.message, &text);
        scheduler
            .note(&primary, &lease.migration, &lease.agent, "note", &text)
            .await?;
        let events = scheduler.events(&primary, &lease.migration).await?;
        begins_so(&events.last().expect("the note").detail, &text);
    }
    let last_words = "🦀".repeat(70_000);
    scheduler.finish(&lease, Ending::Failed, &last_words, proven()).await?;
    begins_so(&stored(fixture, &lease.migration).await?.message, &last_words);
    Ok(())
}

/// Entering a phase again, as after a lost reply, is not told twice.
pub async fn a_phase_is_shown_and_told_once(fixture: &impl SchedulerFixture) -> Result<()> {
    let lease = running(fixture).await?;
    let scheduler = fixture.scheduler();
    scheduler.enter(&lease, Phase::Copying).await?;
    assert_eq!(stored(fixture, &lease.migration).await?.phase, Phase::Copying);
    let before = scheduler.events(&fixture.primary(), &lease.migration).await?.len();
    scheduler.enter(&lease, Phase::Copying).await?;
    assert_eq!(
        scheduler.events(&fixture.primary(), &lease.migration).await?.len(),
        before
    );
    for phase in [Phase::Following, Phase::Ready, Phase::CuttingOver] {
        scheduler.enter(&lease, phase).await?;
        assert_eq!(stored(fixture, &lease.migration).await?.phase, phase);
    }
    let events = scheduler.events(&fixture.primary(), &lease.migration).await?;
    assert_eq!(events.len(), before + 3);
    Ok(())
}

fn direct() -> Choice {
    Choice::Direct(Intent {
        path: Path::InPlace,
        statement: "ALTER TABLE t ALGORITHM=INPLACE, COMMENT='ß'".to_owned(),
        before: "before\n".repeat(20_000),
        after: "after ß".to_owned(),
    })
}

/// People and adopters see how the new definition gets into place.
pub async fn a_chosen_path_is_shown_and_told_once(fixture: &impl SchedulerFixture) -> Result<()> {
    let lease = running(fixture).await?;
    let (scheduler, primary) = (fixture.scheduler(), fixture.primary());
    assert_eq!(stored(fixture, &lease.migration).await?.path, None);
    assert_eq!(scheduler.intent(&primary, &lease.migration).await?, None);
    for _ in 0..2 {
        scheduler.choose(&lease, &direct()).await?;
    }
    assert_eq!(stored(fixture, &lease.migration).await?.path, Some(Path::InPlace));
    let events = scheduler.events(&primary, &lease.migration).await?;
    let told: Vec<&Event> = events.iter().filter(|event| event.kind == "path").collect();
    assert!(
        matches!(told[..], [event] if event.detail.starts_with("in-place")),
        "{told:?}"
    );
    Ok(())
}

/// Whoever adopts on another server finds it whole, and not when a copy was chosen after all.
pub async fn an_intent_replicates_until_a_copy_takes_its_place(fixture: &impl SchedulerFixture) -> Result<()> {
    let lease = running(fixture).await?;
    let scheduler = fixture.scheduler();
    scheduler.choose(&lease, &direct()).await?;
    fixture.replicated().await;
    let intent = scheduler.intent(&fixture.replica(), &lease.migration).await?;
    assert_eq!(intent.map(Choice::Direct), Some(direct()));
    let copy = Choice::Copy {
        reason: "because".to_owned(),
    };
    scheduler.choose(&lease, &copy).await?;
    fixture.replicated().await;
    let replica = fixture.replica();
    assert_eq!(scheduler.get(&replica, &lease.migration).await?.path, Some(Path::Copy));
    assert_eq!(scheduler.intent(&replica, &lease.migration).await?, None);
    Ok(())
}

/// Who owns a migration learns what users ask of it.
pub async fn requests_reach_the_owner(fixture: &impl SchedulerFixture) -> Result<()> {
    let (scheduler, primary) = (fixture.scheduler(), fixture.primary());
    let mut submission = fresh_submission();
    submission.options.postpone_completion = true;
    scheduler.submit(&primary, &submission).await?;
    let lease = adopted(fixture, &submission.id, Epoch(0)).await?;
    assert_eq!(scheduler.requests(&lease).await?, Requests::default());
    scheduler.request(&primary, &submission.id, Request::Complete).await?;
    let mut asked = Requests {
        complete: true,
        cancel: false,
    };
    assert_eq!(scheduler.requests(&lease).await?, asked);
    assert!(stored(fixture, &submission.id).await?.may_complete());
    scheduler.request(&primary, &submission.id, Request::Cancel).await?;
    asked.cancel = true;
    assert_eq!(scheduler.requests(&lease).await?, asked);
    scheduler.beat(&lease, &Report::default()).await?;
    assert_eq!(scheduler.requests(&lease).await?, asked);
    Ok(())
}

/// A user who lost the reply asks again.
pub async fn asking_again_changes_nothing(fixture: &impl SchedulerFixture) -> Result<()> {
    let (scheduler, primary) = (fixture.scheduler(), fixture.primary());
    let lease = running(fixture).await?;
    scheduler.request(&primary, &lease.migration, Request::Cancel).await?;
    let before = picture(fixture, &lease.migration).await?;
    scheduler.request(&primary, &lease.migration, Request::Cancel).await?;
    assert_eq!(picture(fixture, &lease.migration).await?, before);
    scheduler.finish(&lease, Ending::Cancelled, "", proven()).await?;

    scheduler.request(&primary, &lease.migration, Request::Retry).await?;
    let before = picture(fixture, &lease.migration).await?;
    scheduler.request(&primary, &lease.migration, Request::Retry).await?;
    assert_eq!(picture(fixture, &lease.migration).await?, before);
    Ok(())
}

/// What can't be done is refused at once, saying in which state the migration is.
pub async fn a_request_that_does_not_fit_is_a_bad_request(fixture: &impl SchedulerFixture) -> Result<()> {
    let (scheduler, primary) = (fixture.scheduler(), fixture.primary());
    let lease = running(fixture).await?;
    let refused = |result: Result<()>, status: Status| {
        let error = result.expect_err("the request does not fit");
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        assert!(error.message().contains(status.name()), "{error} does not say {status}");
    };
    let id = &lease.migration;
    refused(scheduler.request(&primary, id, Request::Retry).await, Status::Running);
    scheduler.finish(&lease, Ending::Complete, "", proven()).await?;
    refused(scheduler.request(&primary, id, Request::Retry).await, Status::Complete);
    refused(scheduler.request(&primary, id, Request::Cancel).await, Status::Complete);
    Ok(())
}

/// A retry goes on from where the migration stood, with a clean slate and a later epoch.
pub async fn a_retry_queues_the_migration_where_it_stopped(fixture: &impl SchedulerFixture) -> Result<()> {
    let (scheduler, primary) = (fixture.scheduler(), fixture.primary());
    let lease = running(fixture).await?;
    let id = &lease.migration;
    scheduler.enter(&lease, Phase::Copying).await?;
    scheduler.request(&primary, id, Request::Cancel).await?;
    scheduler
        .finish(&lease, Ending::Cancelled, "by request", proven())
        .await?;
    let ended = stored(fixture, id).await?;
    scheduler.request(&primary, id, Request::Retry).await?;
    let queued = stored(fixture, id).await?;
    assert_eq!((queued.status, queued.phase), (Status::Queued, Phase::Copying));
    assert!(!queued.cancel_requested && queued.ended_at.is_none());
    assert_eq!(queued.retries, ended.retries + 1);
    assert!(queued.epoch >= ended.epoch);
    assert_eq!(
        failure(scheduler.beat(&lease, &Report::default()).await),
        Some(ErrorKind::Fenced)
    );
    let again = adopted(fixture, id, queued.epoch).await?;
    assert!(again.epoch > lease.epoch);
    assert!(!scheduler.requests(&again).await?.cancel);
    scheduler.beat(&again, &Report::default()).await
}

/// Policies fail over with the migration.
pub async fn policy_components_are_stored_with_the_migration(fixture: &impl SchedulerFixture) -> Result<()> {
    let (scheduler, primary) = (fixture.scheduler(), fixture.primary());
    let mut submission = fresh_submission();
    let component = PolicyComponent {
        name: "patient".to_owned(),
        digest: format!("{:064x}", rand::random::<u64>()),
        bytes: (0..=255).cycle().take(300_000).collect(),
    };
    submission.options.policies = PolicyChoice {
        adoption: Some(component.digest.clone()),
        ..PolicyChoice::default()
    };
    submission.components.push(component.clone());
    scheduler.submit(&primary, &submission).await?;
    assert_eq!(scheduler.component(&primary, &component.digest).await?, component);
    assert_eq!(stored(fixture, &submission.id).await?.options, submission.options);

    // Another migration may use the same component.
    let mut second = fresh_submission();
    second.components.push(component.clone());
    scheduler.submit(&primary, &second).await?;
    let unknown = scheduler.component(&primary, &"0".repeat(64)).await;
    assert_eq!(failure(unknown), Some(ErrorKind::BadRequest));
    Ok(())
}

/// Writing through a replica fails, and says that this is not where to write.
pub async fn a_read_only_server_is_no_primary(fixture: &impl SchedulerFixture) -> Result<()> {
    let (scheduler, replica) = (fixture.scheduler(), fixture.replica());
    let submission = submitted(fixture).await?;
    fixture.replicated().await;
    let (agent, incarnation) = fresh_agent();
    let adopted = scheduler
        .adopt(&replica, &submission.id, Epoch(0), &agent, &incarnation)
        .await;
    assert_eq!(failure(adopted), Some(ErrorKind::NotPrimary));
    let submitted = scheduler.submit(&replica, &fresh_submission()).await;
    assert_eq!(failure(submitted), Some(ErrorKind::NotPrimary));
    Ok(())
}

/// Whoever asks a replica gets what the primary would have said.
pub async fn a_replica_tells_the_same(fixture: &impl SchedulerFixture) -> Result<()> {
    let lease = running(fixture).await?;
    let scheduler = fixture.scheduler();
    scheduler.enter(&lease, Phase::Copying).await?;
    fixture.replicated().await;
    let replica = fixture.replica();
    let there = scheduler.get(&replica, &lease.migration).await?;
    assert_eq!((there.phase, there.epoch), (Phase::Copying, lease.epoch));
    assert!(
        scheduler
            .list(&replica)
            .await?
            .iter()
            .any(|migration| migration.id == lease.migration)
    );
    let here = scheduler.events(&fixture.primary(), &lease.migration).await?;
    assert_eq!(scheduler.events(&replica, &lease.migration).await?, here);
    Ok(())
}

/// A server that can't be reached is told from one that refuses.
pub async fn a_server_that_does_not_answer_is_gone(fixture: &impl SchedulerFixture) -> Result<()> {
    let (scheduler, nobody) = (fixture.scheduler(), fixture.nobody());
    assert_eq!(failure(scheduler.list(&nobody).await), Some(ErrorKind::ServerGone));
    let submitted = scheduler.submit(&nobody, &fresh_submission()).await;
    assert_eq!(failure(submitted), Some(ErrorKind::ServerGone));
    Ok(())
}

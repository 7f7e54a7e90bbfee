//! How migrations end.

use super::{SchedulerFixture, picture, running, stored};
use crate::{
    contract::{failure, proven},
    error::{Error, ErrorKind, Result},
    ids::{AgentId, Epoch},
    scheduler::{Ending, Phase, Report, Status},
};

/// Nothing of the owner can follow its own end of the migration.
pub async fn finishing_ends_the_lease(fixture: &impl SchedulerFixture) -> Result<()> {
    let endings = [
        (Ending::Complete, Status::Complete),
        (Ending::Failed, Status::Failed),
        (Ending::Cancelled, Status::Cancelled),
    ];
    for (ending, status) in endings {
        let lease = running(fixture).await?;
        let scheduler = fixture.scheduler();
        scheduler.enter(&lease, Phase::Following).await?;
        scheduler.finish(&lease, ending, "that is why", proven()).await?;
        let migration = stored(fixture, &lease.migration).await?;
        assert_eq!((migration.status, migration.phase), (status, Phase::Following));
        assert_eq!(migration.message, "that is why");
        assert!(migration.epoch > lease.epoch && migration.ended_at.is_some());
        assert_eq!(
            failure(scheduler.beat(&lease, &Report::default()).await),
            Some(ErrorKind::Fenced)
        );
        assert_eq!(
            failure(scheduler.enter(&lease, Phase::Ready).await),
            Some(ErrorKind::Fenced)
        );
    }
    Ok(())
}

/// An owner that lost the reply finishes again.
pub async fn finishing_again_changes_nothing(fixture: &impl SchedulerFixture) -> Result<()> {
    let lease = running(fixture).await?;
    let scheduler = fixture.scheduler();
    scheduler.finish(&lease, Ending::Complete, "done", proven()).await?;
    let before = picture(fixture, &lease.migration).await?;
    scheduler.finish(&lease, Ending::Complete, "done", proven()).await?;
    assert_eq!(picture(fixture, &lease.migration).await?, before);
    Ok(())
}

/// What does not hold any more in the moment in which a migration ends ends nothing; and the owner goes on.
pub async fn finishing_without_its_proof_changes_nothing(fixture: &impl SchedulerFixture) -> Result<()> {
    let lease = running(fixture).await?;
    let scheduler = fixture.scheduler();
    let before = picture(fixture, &lease.migration).await?;
    let refuted = Box::pin(async { Err(Error::new(ErrorKind::ServerGone, "it is gone")) });
    let finished = scheduler.finish(&lease, Ending::Complete, "done", refuted).await;
    assert_eq!(failure(finished), Some(ErrorKind::ServerGone));
    assert_eq!(picture(fixture, &lease.migration).await?, before);
    scheduler.finish(&lease, Ending::Complete, "done", proven()).await
}

/// A stale verdict loses against an adoption that came first, and ends the lease otherwise.
pub async fn a_stale_migration_fails_by_compare_and_swap(fixture: &impl SchedulerFixture) -> Result<()> {
    let lease = running(fixture).await?;
    let (scheduler, primary) = (fixture.scheduler(), fixture.primary());
    let agent = AgentId::new("judge");
    let (id, outdated) = (&lease.migration, Epoch(0));
    let lost = scheduler.fail_stale(&primary, id, outdated, &agent, "too late").await;
    assert_eq!(failure(lost), Some(ErrorKind::Fenced));
    scheduler.beat(&lease, &Report::default()).await?;

    scheduler
        .fail_stale(&primary, id, lease.epoch, &agent, "silent for 11 minutes")
        .await?;
    let migration = stored(fixture, id).await?;
    assert_eq!(
        (migration.status, migration.message.as_str()),
        (Status::Failed, "silent for 11 minutes")
    );
    assert!(migration.epoch > lease.epoch && migration.ended_at.is_some());
    assert_eq!(
        failure(scheduler.beat(&lease, &Report::default()).await),
        Some(ErrorKind::Fenced)
    );
    Ok(())
}

//! What migrations must not add to.

use super::{SchedulerFixture, running};
use crate::{
    contract::failure,
    error::{ErrorKind, Result},
    ids::MigrationId,
    throttle::Limits,
};

/// Of a migration and of the cluster, each until it is taken back; and they replicate.
pub async fn limits_are_kept_for_each_scope(fixture: &impl SchedulerFixture) -> Result<()> {
    let (scheduler, primary) = (fixture.scheduler(), fixture.primary());
    let lease = running(fixture).await?;
    let scope = Some(&lease.migration);
    assert_eq!(scheduler.limits_of(&primary, scope).await?, Limits::default());
    let own = Limits {
        max_lag_ms: Some(0),
        query: Some("SELECT 'it''s', `\"` FROM \\ 😀".to_owned()),
        ..Limits::default()
    };
    let of_all = Limits {
        stopped: true,
        max_threads_running: Some(u64::MAX),
        ..Limits::default()
    };
    scheduler.set_limits(&primary, scope, &own).await?;
    scheduler.set_limits(&primary, None, &of_all).await?;
    fixture.replicated().await;
    for server in [&primary, &fixture.replica()] {
        assert_eq!(scheduler.limits_of(server, scope).await?, own);
        assert_eq!(scheduler.limits_of(server, None).await?, of_all);
    }
    let events = scheduler.events(&primary, &lease.migration).await?;
    let told = events.last().map(|event| (event.kind.as_str(), event.agent.as_str()));
    assert_eq!(told, Some(("limits", "")));

    let nothing = Limits::default();
    scheduler.set_limits(&primary, None, &nothing).await?;
    assert_eq!(scheduler.limits_of(&primary, None).await?, nothing);
    assert_eq!(scheduler.limits_of(&primary, scope).await?, own);
    scheduler.set_limits(&primary, scope, &nothing).await?;
    assert_eq!(scheduler.limits_of(&primary, scope).await?, nothing);
    Ok(())
}

/// A mistyped id stops nobody, and says so.
pub async fn limits_of_an_unknown_migration_are_a_bad_request(fixture: &impl SchedulerFixture) -> Result<()> {
    let (scheduler, primary) = (fixture.scheduler(), fixture.primary());
    let unknown = MigrationId::from_random(rand::random());
    let set = scheduler
        .set_limits(&primary, Some(&unknown), &Limits::defaults())
        .await;
    assert_eq!(failure(set), Some(ErrorKind::BadRequest));
    assert_eq!(scheduler.limits_of(&primary, Some(&unknown)).await?, Limits::default());
    Ok(())
}

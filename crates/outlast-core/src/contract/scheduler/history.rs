//! What is told of migrations.

use super::{SchedulerFixture, adopted, running, stored};
use crate::{
    contract::proven,
    error::Result,
    scheduler::{Ending, Event, Request},
};

/// A person can read the whole story.
pub async fn history_is_kept_in_order(fixture: &impl SchedulerFixture) -> Result<()> {
    let (scheduler, primary) = (fixture.scheduler(), fixture.primary());
    let lease = running(fixture).await?;
    for detail in ["first", "second", "third"] {
        scheduler
            .note(&primary, &lease.migration, &lease.agent, "verdict", detail)
            .await?;
    }
    scheduler.finish(&lease, Ending::Complete, "", proven()).await?;
    let events = scheduler.events(&primary, &lease.migration).await?;
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(
        kinds,
        ["submitted", "adopted", "verdict", "verdict", "verdict", "complete"]
    );
    let notes: Vec<_> = events.iter().filter(|event| event.kind == "verdict").collect();
    assert_eq!(
        notes.iter().map(|note| note.detail.as_str()).collect::<Vec<_>>(),
        ["first", "second", "third"]
    );
    for note in notes {
        assert_eq!(
            (note.agent.as_str(), &note.server),
            (lease.agent.as_str(), &primary.uuid)
        );
        assert_eq!(note.epoch, lease.epoch);
    }
    assert!(events.windows(2).all(|pair| pair[0].at <= pair[1].at), "{events:?}");
    Ok(())
}

/// Whatever is tried for ever leaves a history that can be read: of what repeats, one line with a count, where it was told last.
pub async fn what_repeats_is_one_line_of_history(fixture: &impl SchedulerFixture) -> Result<()> {
    let (scheduler, primary) = (fixture.scheduler(), fixture.primary());
    let lease = running(fixture).await?;
    let id = &lease.migration;
    for _ in 0..5 {
        for detail in ["one", "other"] {
            scheduler.note(&primary, id, &lease.agent, "failure", detail).await?;
        }
    }
    scheduler.note(&primary, id, &lease.agent, "failure", "new").await?;
    scheduler.note(&primary, id, &lease.agent, "failure", "one").await?;
    let events = scheduler.events(&primary, id).await?;
    let failures: Vec<&Event> = events.iter().filter(|event| event.kind == "failure").collect();
    let details: Vec<&str> = failures.iter().map(|event| event.detail.as_str()).collect();
    let [other, new, one] = details[..] else {
        panic!("{details:?}");
    };
    assert!(other.starts_with("other (5 times since "), "{other}");
    assert_eq!(new, "new");
    assert!(one.starts_with("one (6 times since "), "{one}");
    assert!(events.windows(2).all(|pair| pair[0].at <= pair[1].at), "{events:?}");
    fixture.replicated().await;
    assert_eq!(scheduler.events(&fixture.replica(), id).await?, events);

    // What follows on something that a user has done is told again.
    scheduler.finish(&lease, Ending::Failed, "", proven()).await?;
    scheduler.request(&primary, id, Request::Retry).await?;
    let epoch = stored(fixture, id).await?.epoch;
    let lease = adopted(fixture, id, epoch).await?;
    scheduler.note(&primary, id, &lease.agent, "failure", "one").await?;
    let events = scheduler.events(&primary, id).await?;
    assert_eq!(events.last().map(|event| event.detail.as_str()), Some("one"));
    Ok(())
}

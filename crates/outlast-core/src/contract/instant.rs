//! The contract of changing a table without a copy: [`OpenStream::propose`] and what follows from it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    failure,
    stream::{Place, StreamFixture, Subject},
};
use crate::{
    error::{ErrorKind, Result},
    intent::{Altered, Choice, Intent, IntentState},
    scheduler::Path,
    stream::{Examination, OpenStream, SwapState},
};

/// Time between two attempts.
const AGAIN: Duration = Duration::from_millis(50);

/// What the suite needs of a backend, besides what the stream's needs.
#[async_trait]
pub trait InstantFixture: StreamFixture {
    /// As [`StreamFixture::subject`], with a statement that the server can carry out at once, and that done twice is undone.
    async fn instant_subject(&self, rows: &[(u64, u64)]) -> Subject;

    /// Whether the source is what the statement of [`InstantFixture::instant_subject`] makes of it.
    async fn is_altered(&self, subject: &Subject) -> bool;
}

/// Stamps the suite's tests onto a backend: `instant_suite!(fixture)`, where `fixture` may await.
#[macro_export]
macro_rules! instant_suite {
    ($fixture:expr) => {
        $crate::stamp_contract! { $fixture, instant:
            examining_tells_the_path
            what_the_server_can_do_at_once_is_proposed
            what_needs_a_copy_is_not_proposed
            an_intent_is_pending_until_it_is_carried_out
            carrying_out_again_does_not_undo_it
            what_an_earlier_owner_did_is_known_to_the_next
            a_fenced_owner_alters_nothing
            a_table_in_use_is_not_altered
            a_source_that_somebody_else_altered_is_left_alone
            what_the_server_refuses_leaves_the_source_as_it_was
        }
    };
}

async fn opened(fixture: &impl InstantFixture, subject: &Subject) -> Result<Arc<dyn OpenStream>> {
    fixture.stream().open(&subject.lease, &subject.migration).await
}

async fn intended(
    fixture: &impl InstantFixture,
    rows: &[(u64, u64)],
) -> Result<(Subject, Arc<dyn OpenStream>, Intent)> {
    let subject = fixture.instant_subject(rows).await;
    let stream = opened(fixture, &subject).await?;
    match stream.propose().await? {
        Choice::Direct(intent) => Ok((subject, stream, intent)),
        Choice::Copy { reason } => panic!("a copy is proposed: {reason}"),
    }
}

/// Tries again while that passes: what other tests do on the same server may hold it up.
async fn alter(stream: &Arc<dyn OpenStream>, intent: &Intent) -> Result<Altered> {
    loop {
        match stream.alter(intent).await {
            Err(error) if error.kind() == ErrorKind::Passing => tokio::time::sleep(AGAIN).await,
            altered => return altered,
        }
    }
}

/// Whoever submits learns what will happen.
pub async fn examining_tells_the_path(fixture: &impl InstantFixture) -> Result<()> {
    let subject = fixture.instant_subject(&[(1, 1)]).await;
    for (allow_direct, expected) in [(true, Path::Instant), (false, Path::Copy)] {
        let request = Examination {
            allow_direct,
            ..Examination::of(&subject.migration.statement, Some(subject.migration.schema.clone()))
        };
        let examined = fixture.stream().examine(&fixture.primary(), &request).await?;
        let target = fixture.stream().target(&request)?;
        assert_eq!(target, (examined.schema, examined.table));
        assert_eq!(examined.path, expected);
    }
    assert!(!fixture.is_altered(&subject).await);
    Ok(())
}

/// And nothing is changed by it.
pub async fn what_the_server_can_do_at_once_is_proposed(fixture: &impl InstantFixture) -> Result<()> {
    let (subject, stream, intent) = intended(fixture, &[(1, 10)]).await?;
    assert_eq!(intent.path, Path::Instant);
    assert_ne!(intent.before, intent.after);
    assert!(!fixture.is_altered(&subject).await);
    assert_eq!(stream.swap_state().await?, SwapState::Unprepared);
    Ok(())
}

/// A statement that rebuilds the table.
pub async fn what_needs_a_copy_is_not_proposed(fixture: &impl InstantFixture) -> Result<()> {
    let mut subject = fixture.instant_subject(&[(1, 10)]).await;
    let (schema, table) = (&subject.migration.schema, &subject.migration.table);
    subject.migration.statement = format!("ALTER TABLE {schema}.{table} ENGINE=InnoDB");
    let proposed = opened(fixture, &subject).await?.propose().await?;
    assert!(
        matches!(&proposed, Choice::Copy { reason } if !reason.is_empty()),
        "{proposed:?}"
    );
    Ok(())
}

/// The source tells, and its rows stay.
pub async fn an_intent_is_pending_until_it_is_carried_out(fixture: &impl InstantFixture) -> Result<()> {
    let (subject, stream, intent) = intended(fixture, &[(1, 10), (2, 20)]).await?;
    assert_eq!(stream.intent_state(&intent).await?, IntentState::Pending);
    assert_eq!(alter(&stream, &intent).await?, Altered::Done);
    assert_eq!(stream.intent_state(&intent).await?, IntentState::Done);
    assert!(fixture.is_altered(&subject).await);
    fixture.write(&subject, &[(3, Some(30))]).await;
    let rows = BTreeMap::from([(1, 10), (2, 20), (3, 30)]);
    assert_eq!(fixture.rows(&subject, Place::Source).await, Some(rows));
    Ok(())
}

/// A statement that is run twice may undo itself.
pub async fn carrying_out_again_does_not_undo_it(fixture: &impl InstantFixture) -> Result<()> {
    let (subject, stream, intent) = intended(fixture, &[(1, 10)]).await?;
    for _ in 0..2 {
        assert_eq!(alter(&stream, &intent).await?, Altered::Done);
        assert!(fixture.is_altered(&subject).await);
    }
    Ok(())
}

/// By the intent that is written, and nothing else.
pub async fn what_an_earlier_owner_did_is_known_to_the_next(fixture: &impl InstantFixture) -> Result<()> {
    let (subject, stream, intent) = intended(fixture, &[(1, 10)]).await?;
    alter(&stream, &intent).await?;
    drop(stream);
    let next = opened(fixture, &subject).await?;
    assert_eq!(next.intent_state(&intent).await?, IntentState::Done);
    assert_eq!(alter(&next, &intent).await?, Altered::Done);
    assert!(fixture.is_altered(&subject).await);
    Ok(())
}

/// A zombie that thaws must not undo what its successor did.
pub async fn a_fenced_owner_alters_nothing(fixture: &impl InstantFixture) -> Result<()> {
    let (subject, stream, intent) = intended(fixture, &[(1, 10)]).await?;
    fixture.depose(&subject).await;
    let stopped = failure(stream.alter(&intent).await);
    let expected = [Some(ErrorKind::Fenced), Some(ErrorKind::ServerGone)];
    assert!(expected.contains(&stopped), "{stopped:?}");
    assert!(!fixture.is_altered(&subject).await);
    fixture.write(&subject, &[(1, Some(11))]).await;
    Ok(())
}

/// The lock is waited for so shortly that nobody notices, and nothing is left of a failed attempt.
pub async fn a_table_in_use_is_not_altered(fixture: &impl InstantFixture) -> Result<()> {
    let (subject, stream, intent) = intended(fixture, &[(1, 10), (2, 20)]).await?;
    let xid = fixture.xa_prepare(&subject, 1, 11).await;
    assert_eq!(failure(stream.alter(&intent).await), Some(ErrorKind::Passing));
    assert!(!fixture.is_altered(&subject).await);
    fixture.write(&subject, &[(2, Some(21))]).await;
    fixture.xa_end(&subject, &xid, true).await;
    assert_eq!(alter(&stream, &intent).await?, Altered::Done);
    Ok(())
}

/// What was intended was intended for another table than this has become.
pub async fn a_source_that_somebody_else_altered_is_left_alone(fixture: &impl InstantFixture) -> Result<()> {
    let (subject, stream, mut intent) = intended(fixture, &[(1, 10)]).await?;
    intent.before = "what it was".to_owned();
    intent.after = "what it is to be".to_owned();
    let changed = Some(ErrorKind::SourceChanged);
    assert_eq!(failure(stream.intent_state(&intent).await), changed);
    assert_eq!(failure(alter(&stream, &intent).await), changed);
    assert!(!fixture.is_altered(&subject).await);
    fixture.write(&subject, &[(1, Some(11))]).await;
    Ok(())
}

/// An empty clone may have taken what the source does not take.
pub async fn what_the_server_refuses_leaves_the_source_as_it_was(fixture: &impl InstantFixture) -> Result<()> {
    let (subject, stream, mut intent) = intended(fixture, &[(1, 10)]).await?;
    intent.statement = "ALTER TABLE, impossibly".to_owned();
    let altered = alter(&stream, &intent).await?;
    assert!(
        matches!(&altered, Altered::Impossible(reason) if !reason.is_empty()),
        "{altered:?}"
    );
    assert!(!fixture.is_altered(&subject).await);
    fixture.write(&subject, &[(1, Some(11))]).await;
    Ok(())
}

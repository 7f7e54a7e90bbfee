//! What [`OpenStream::prepare`](crate::stream::OpenStream::prepare) promises of every backend.

use std::collections::BTreeMap;

use super::{StreamFixture, changes, checkpoint, copied, opened, patiently, prepared, read, shadow};
use crate::{
    checkpoint::Checkpoint,
    error::{ErrorKind, Result},
    key::KeyRange,
    ledger::Outcome,
    stream::SwapState,
};

/// Afterwards copying can begin.
pub async fn preparing_makes_an_empty_shadow_and_a_beginning(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = prepared(fixture, &[(1, 10), (2, 20)]).await?;
    assert_eq!(stream.swap_state().await?, SwapState::Shadowed);
    assert_eq!(shadow(fixture, &subject).await, BTreeMap::new());
    let begun = checkpoint(&stream).await?;
    assert!(!begun.position.is_empty() && begun.position.is_subset(&stream.executed().await?));
    let nothing_copied = Checkpoint {
        position: begun.position.clone(),
        ..Checkpoint::default()
    };
    assert_eq!(begun, nothing_copied);
    Ok(())
}

/// A stream that was prepared by an earlier owner goes on.
pub async fn preparing_again_keeps_what_was_done(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = copied(fixture, &[(1, 10), (2, 20)]).await?;
    let before = checkpoint(&stream).await?;
    opened(fixture, &subject).await?.prepare().await?;
    assert_eq!(checkpoint(&stream).await?, before);
    assert_eq!(shadow(fixture, &subject).await.len(), 2);
    Ok(())
}

/// No change is lost between the position and the first chunk.
pub async fn the_beginning_lies_before_later_changes(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = prepared(fixture, &[(1, 10)]).await?;
    fixture.write(&subject, &[(1, Some(11))]).await;
    let changes = read(&mut changes(&stream).await?, 1, &[]).await?;
    assert_eq!(changes[0].keys, [fixture.key(1)]);
    Ok(())
}

/// The keys of a transaction that is prepared stand in its XA PREPARE. A position that holds that while the rows are
/// invisible would lose them: the beginning is put off (`Passing`, after a bounded wait), or leaves it out of the position.
pub async fn a_prepared_xa_transaction_is_not_forgotten_by_the_beginning(fixture: &impl StreamFixture) -> Result<()> {
    let subject = fixture.subject(&[(1, 10)]).await;
    let xid = fixture.xa_prepare(&subject, 1, 11).await;
    let stream = opened(fixture, &subject).await?;
    match stream.prepare().await {
        Ok(()) => {
            stream.copy(&KeyRange::ALL).await?;
            let mut changes = changes(&stream).await?;
            fixture.xa_end(&subject, &xid, true).await;
            let changes = read(&mut changes, 1, &[&xid]).await?;
            assert_eq!(changes[0].keys, [fixture.key(1)]);
            assert_eq!(changes[0].outcome, Outcome::Prepared(xid));
        }
        Err(error) if error.kind() == ErrorKind::Passing => {
            fixture.xa_end(&subject, &xid, true).await;
            patiently(|| stream.prepare()).await?;
            stream.copy(&KeyRange::ALL).await?;
            assert_eq!(shadow(fixture, &subject).await, BTreeMap::from([(1, 11)]));
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

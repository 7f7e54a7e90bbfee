//! What [`OpenStream::mend`](crate::stream::OpenStream::mend) promises of every backend.

use std::collections::BTreeMap;

use super::{StreamFixture, copied, lock, opened, shadow, source};
use crate::{error::Result, stream::SwapState};

/// Whoever opens a stream mends first, whatever there is.
pub async fn mending_changes_nothing_that_is_whole(fixture: &impl StreamFixture) -> Result<()> {
    let subject = fixture.subject(&[(1, 10)]).await;
    let stream = opened(fixture, &subject).await?;
    stream.mend().await?;
    assert_eq!(stream.swap_state().await?, SwapState::Unprepared);
    let (subject, stream) = copied(fixture, &[(1, 10)]).await?;
    stream.mend().await?;
    assert_eq!(stream.swap_state().await?, SwapState::Shadowed);
    assert_eq!(shadow(fixture, &subject).await, BTreeMap::from([(1, 10)]));
    let mut cut_over = lock(&stream).await?;
    cut_over.swap().await?;
    cut_over.release().await?;
    stream.mend().await?;
    stream.mend().await?;
    assert_eq!(stream.swap_state().await?, SwapState::Swapped);
    assert_eq!(source(fixture, &subject).await, BTreeMap::from([(1, 10)]));
    Ok(())
}

//! What [`Stream::own_tables`](crate::stream::Stream::own_tables) promises of every backend.

use super::{StreamFixture, Subject, copied, lock};
use crate::{
    error::Result,
    scheduler::{Migration, Status},
};

/// Whether shadow and retired table of the subject's migration are told to exist.
async fn told(fixture: &impl StreamFixture, subject: &Subject) -> Result<(bool, bool)> {
    let tables = fixture.stream().own_tables(&fixture.primary()).await?;
    let migration = &subject.migration;
    let has = |schema: String| tables.contains(&(schema, migration.table.clone()));
    Ok((has(migration.shadow_schema()), has(migration.retired_schema())))
}

/// Neither what is to come nor what is gone is told.
pub async fn own_tables_are_those_that_exist(fixture: &impl StreamFixture) -> Result<()> {
    let subject = fixture.subject(&[(1, 10)]).await;
    assert_eq!(told(fixture, &subject).await?, (false, false));
    let (subject, stream) = copied(fixture, &[(1, 10)]).await?;
    assert_eq!(told(fixture, &subject).await?, (true, false));
    let mut cut_over = lock(&stream).await?;
    cut_over.swap().await?;
    cut_over.release().await?;
    assert_eq!(told(fixture, &subject).await?, (false, true));
    let ended = Migration {
        status: Status::Complete,
        ..subject.migration.clone()
    };
    fixture.stream().clean_up(&fixture.primary(), &ended).await?;
    assert_eq!(told(fixture, &subject).await?, (false, false));
    Ok(())
}

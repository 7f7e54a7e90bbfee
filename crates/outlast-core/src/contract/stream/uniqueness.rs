//! What [`OpenStream::apply`](crate::stream::OpenStream::apply) promises where the shadow has a unique key beside the copy key.

use std::{collections::BTreeMap, sync::Arc};

use super::{StreamFixture, Subject, checkpoint, lock, opened, patiently, shadow};
use crate::{
    error::{ErrorKind, Result},
    key::{Key, KeyRange},
    stream::{Applier, Copied, OpenStream},
};

async fn copied(fixture: &impl StreamFixture, rows: &[(u64, u64)]) -> Result<(Subject, Arc<dyn OpenStream>)> {
    let subject = fixture.unique_subject(rows).await;
    let stream = opened(fixture, &subject).await?;
    patiently(|| stream.prepare()).await?;
    assert_eq!(stream.copy(&KeyRange::ALL).await?, Copied::Rows(rows.len() as u64));
    Ok((subject, stream))
}

/// Each row gets the value of the next one; whoever is read first, finds its new value taken by the old one of another row.
async fn shifted(fixture: &impl StreamFixture) -> Result<(Subject, Arc<dyn OpenStream>)> {
    let (subject, stream) = copied(fixture, &[(1, 10), (2, 20), (3, 30)]).await?;
    fixture
        .write(&subject, &[(3, Some(40)), (2, Some(30)), (1, Some(20))])
        .await;
    Ok((subject, stream))
}

/// Only who applies alone may delete them: no other applier could have read them again meanwhile.
pub async fn a_row_with_an_old_value_makes_way(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = shifted(fixture).await?;
    let before = checkpoint(&stream).await?.position;
    let [first, second, third] = [1, 2, 3].map(|number| fixture.key(number));
    let refused = stream
        .apply(Applier::OneOf(0), std::slice::from_ref(&first), &before)
        .await;
    assert_eq!(refused.err().map(|error| error.kind()), Some(ErrorKind::Duplicate));
    let unchanged = BTreeMap::from([(1, 10), (2, 20), (3, 30)]);
    assert_eq!(shadow(fixture, &subject).await, unchanged);
    let steps = [
        (&first, vec![second.clone()], BTreeMap::from([(1, 20), (3, 30)])),
        (&second, vec![third.clone()], BTreeMap::from([(1, 20), (2, 30)])),
        (&third, vec![], BTreeMap::from([(1, 20), (2, 30), (3, 40)])),
    ];
    for (key, displaced, rows) in steps {
        let way_made = stream.apply(Applier::Alone, std::slice::from_ref(key), &before).await?;
        assert_eq!(way_made, displaced);
        assert_eq!(shadow(fixture, &subject).await, rows);
    }
    Ok(())
}

/// A row that is read in the same transaction is in nobody's way.
pub async fn rows_that_are_read_together_displace_nobody(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = shifted(fixture).await?;
    let before = checkpoint(&stream).await?.position;
    let keys: Vec<Key> = [1, 2, 3].map(|number| fixture.key(number)).into();
    assert_eq!(stream.apply(Applier::Alone, &keys, &before).await?, []);
    let rows = BTreeMap::from([(1, 20), (2, 30), (3, 40)]);
    assert_eq!(shadow(fixture, &subject).await, rows);
    Ok(())
}

/// A row whose value is still its own stays, and the server's own words say what is wrong.
pub async fn a_row_with_a_value_of_its_own_makes_no_way(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = shifted(fixture).await?;
    let before = checkpoint(&stream).await?;
    fixture.write(&subject, &[(2, Some(20))]).await;
    let keys = [fixture.key(1)];
    let error = stream.apply(Applier::Alone, &keys, &before.position).await.err();
    let error = error.expect("rows 1 and 2 have one value");
    assert_eq!(error.kind(), ErrorKind::Duplicate);
    assert_eq!(error.code(), Some(1062));
    let unchanged = BTreeMap::from([(1, 10), (2, 20), (3, 30)]);
    assert_eq!(shadow(fixture, &subject).await, unchanged);
    assert_eq!(checkpoint(&stream).await?, before);
    Ok(())
}

/// The drain is alone as well.
pub async fn a_row_with_an_old_value_makes_way_under_the_lock(fixture: &impl StreamFixture) -> Result<()> {
    let (subject, stream) = shifted(fixture).await?;
    let keys = [1, 2, 3].map(|number| fixture.key(number));
    let mut cut_over = lock(&stream).await?;
    assert_eq!(cut_over.drain(&keys[..1]).await?, keys[1..2]);
    assert_eq!(cut_over.drain(&keys[1..]).await?, []);
    cut_over.release().await?;
    let rows = BTreeMap::from([(1, 20), (2, 30), (3, 40)]);
    assert_eq!(shadow(fixture, &subject).await, rows);
    Ok(())
}

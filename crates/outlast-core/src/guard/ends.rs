//! Where the first range begins and the last one ends: nowhere. Only tests have other ends, where they switch off
//! [`Guard::OpenBottom`](super::Guard::OpenBottom) or [`Guard::OpenTop`](super::Guard::OpenTop).

#[cfg(any(test, feature = "test-util"))]
pub(crate) use closed::Ends;
#[cfg(not(any(test, feature = "test-util")))]
pub(crate) use open::Ends;

#[cfg(not(any(test, feature = "test-util")))]
mod open {
    use crate::{error::Result, key::Key, stream::OpenStream};

    #[derive(Debug)]
    pub(crate) struct Ends;

    impl Ends {
        pub(crate) const OPEN: Self = Self;

        #[inline(always)]
        pub(crate) async fn of(_: &dyn OpenStream) -> Result<Self> {
            Ok(Self)
        }

        #[inline(always)]
        pub(crate) const fn contain(&self, _: &Key) -> bool {
            true
        }
    }
}

#[cfg(any(test, feature = "test-util"))]
mod closed {
    use crate::{
        error::Result,
        guard::Guard,
        key::{Key, KeyRange},
        stream::OpenStream,
    };

    #[derive(Debug)]
    pub(crate) struct Ends(KeyRange);

    impl Ends {
        pub(crate) const OPEN: Self = Self(KeyRange::ALL);

        /// Those of a copy that begins now. Without its guard, an end is the lowest or the highest key of this moment, as if there
        /// would never be another one.
        pub(crate) async fn of(stream: &dyn OpenStream) -> Result<Self> {
            let mut ends = Self::OPEN;
            if Guard::OpenBottom.holds() && Guard::OpenTop.holds() {
                return Ok(ends);
            }
            let Some(lowest) = stream.boundary(&KeyRange::ALL, 1).await? else {
                return Ok(ends);
            };
            let mut highest = lowest.clone();
            while let Some(next) = stream.boundary(&above(&highest), 1).await? {
                highest = next;
            }
            if !Guard::OpenBottom.holds() {
                ends.0.after = Some(lowest);
            }
            if !Guard::OpenTop.holds() {
                ends.0.upto = Some(highest);
            }
            Ok(ends)
        }

        pub(crate) fn contain(&self, key: &Key) -> bool {
            self.0.contains(key)
        }
    }

    fn above(key: &Key) -> KeyRange {
        KeyRange {
            after: Some(key.clone()),
            upto: None,
        }
    }
}

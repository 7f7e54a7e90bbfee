//! Keys and ranges as they are stored.

use outlast_core::{Error, ErrorKind, Key, KeyRange, Result};
use sha2::{Digest, Sha256};

/// A bound as two columns: order bytes and value; both NULL if the range is open there.
pub(crate) type StoredBound = (Option<Vec<u8>>, Option<String>);

/// The columns of a bound.
pub(crate) fn to_columns(bound: Option<&Key>) -> StoredBound {
    (
        bound.map(|key| key.order().to_vec()),
        bound.map(|key| key.value().to_owned()),
    )
}

/// The bound in two columns.
pub(crate) fn from_columns((order, value): StoredBound) -> Result<Option<Key>> {
    match (order, value) {
        (Some(order), Some(value)) => Ok(Some(Key::new(order, value))),
        (None, None) => Ok(None),
        _ => Err(Error::new(
            ErrorKind::Inconsistent,
            "a stored key has only one of its two parts; the checkpoint was not written by Outlast, and is not used",
        )),
    }
}

/// Identifies a range among those of a migration, which don't overlap: by its lower bound.
pub(crate) fn digest(range: &KeyRange) -> [u8; 32] {
    let mut hash = Sha256::new();
    if let Some(key) = &range.after {
        // The length keeps apart where one part ends and the next begins.
        hash.update((key.order().len() as u64).to_be_bytes());
        hash.update(key.order());
        hash.update(key.value());
    }
    hash.finalize().into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn after(order: &[u8], value: &str) -> KeyRange {
        KeyRange {
            after: Some(Key::new(order, value)),
            upto: None,
        }
    }

    #[test]
    fn ranges_with_different_lower_bounds_have_different_digests() {
        let ranges = [
            KeyRange::ALL,
            after(b"", ""),
            after(b"a", ""),
            after(b"", "a"),
            after(b"a", "b"),
            after(b"ab", ""),
        ];
        for (i, a) in ranges.iter().enumerate() {
            for (j, b) in ranges.iter().enumerate() {
                assert_eq!(digest(a) == digest(b), i == j, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn half_a_key_is_not_taken_for_an_open_bound() {
        assert_eq!(from_columns((None, None)).unwrap(), None);
        assert!(from_columns((Some(vec![1]), None)).is_err());
        assert!(from_columns((None, Some("1".to_owned()))).is_err());
    }
}

//! Row keys and ranges of them.

use std::{cmp::Ordering, fmt, sync::Arc};

/// The value of a table's copy key in one row.
///
/// Two things are kept of it: bytes that compare as the server orders the key, and a text from which the backend builds
/// the SQL value again. Equality is by the text (the exact bytes of the value), because `'a'` and `'A'` may be two rows
/// for one server and one row for another; order is the server's.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key {
    order: Arc<[u8]>,
    value: Arc<str>,
}

impl Key {
    /// A key whose `order` bytes compare (byte by byte, shorter first) as the server compares `value`.
    pub fn new(order: impl Into<Arc<[u8]>>, value: impl Into<Arc<str>>) -> Self {
        Self {
            order: order.into(),
            value: value.into(),
        }
    }

    /// Bytes that compare as the server orders the key.
    pub fn order(&self) -> &[u8] {
        &self.order
    }

    /// The backend's own text of the value.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// How the server orders the two keys. `Equal` does not mean that they are the same bytes.
    pub fn compare(&self, other: &Key) -> Ordering {
        self.order.cmp(&other.order)
    }
}

/// By server order first, so that sorted keys touch the server's pages in order; by bytes where the server sees no
/// difference.
impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other).then_with(|| self.value.cmp(&other.value))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value)
    }
}

/// The keys above `after` up to and including `upto`; `None` is open: −∞ below, +∞ above.
///
/// Ranges partition (−∞, +∞), so that no row is outside of all of them, whenever it is inserted (invariant I4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRange {
    /// Lower bound, excluded.
    pub after: Option<Key>,
    /// Upper bound, included.
    pub upto: Option<Key>,
}

impl KeyRange {
    /// All keys.
    pub const ALL: KeyRange = KeyRange {
        after: None,
        upto: None,
    };

    /// Whether the server counts `key` to this range.
    pub fn contains(&self, key: &Key) -> bool {
        self.after.as_ref().is_none_or(|after| key.compare(after).is_gt())
            && self.upto.as_ref().is_none_or(|upto| key.compare(upto).is_le())
    }

    /// Whether the range begins where `other` ends.
    pub fn follows(&self, other: &KeyRange) -> bool {
        match (&other.upto, &self.after) {
            (Some(end), Some(start)) => end.compare(start).is_eq(),
            _ => false,
        }
    }
}

/// Orders two lower bounds: `None` is −∞.
pub(crate) fn compare_lower(a: Option<&Key>, b: Option<&Key>) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(a), Some(b)) => a.compare(b),
    }
}

/// Orders two upper bounds: `None` is +∞.
pub(crate) fn compare_upper(a: Option<&Key>, b: Option<&Key>) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => a.compare(b),
    }
}

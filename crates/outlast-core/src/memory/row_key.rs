//! Keys of the rows in memory.

use crate::{
    error::{Error, ErrorKind, Result},
    key::Key,
};

/// The key of row `number`.
pub fn key(number: u64) -> Key {
    Key::new(number.to_be_bytes(), number.to_string())
}

/// The number that [`key`] was made of.
///
/// # Errors
/// [`ErrorKind::Inconsistent`] if it was made by another backend.
pub fn key_number(key: &Key) -> Result<u64> {
    key.value().parse().map_err(|cause: std::num::ParseIntError| {
        Error::new(
            ErrorKind::Inconsistent,
            format!("{key:?} is no key of a table in memory"),
        )
        .with_source(cause)
    })
}

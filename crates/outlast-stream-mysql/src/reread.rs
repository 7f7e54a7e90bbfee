//! Brings rows of the shadow up to date: deletes them, and inserts them again from the source.

use outlast_core::{Error, ErrorKind, Key, Result};
use outlast_mysql::Session;

use crate::{collision, key::Side, plan::Plan};

/// How often rows in the way are looked for, beside once for each index; the source may put others there in between.
const MOST_ATTEMPTS: usize = 10;

/// What becomes of rows of the shadow that hold unique values of the rows that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InTheWay {
    /// They stay, and the rows are not written.
    Leave,
    /// If their values are old, they are deleted, and read again later. For whoever applies alone.
    Displace,
}

/// Reads keys again in an open transaction. Returns the keys of other rows that were deleted to make way.
///
/// # Errors
/// `Duplicate` if two rows of the source have a unique value; without a server's code if the rows in the way are others each time, which
/// is no proof of that. `Inconsistent` if a key can't be read; those of the server.
pub(crate) async fn reread(session: &mut Session, plan: &Plan, keys: &[Key], in_the_way: InTheWay) -> Result<Vec<Key>> {
    session.run(&plan.delete(keys)?).await?;
    let condition = plan.key.is_in(keys, Side::Source)?;
    let insert = plan.insert_where(&condition);
    let mut displaced = Vec::new();
    let mut attempts = MOST_ATTEMPTS + plan.shadow.indexes.len();
    loop {
        let error = match session.run(&insert).await {
            Ok(_) => return Ok(displaced),
            Err(error) => error,
        };
        if error.kind() != ErrorKind::Duplicate || in_the_way == InTheWay::Leave {
            return Err(error);
        }
        attempts -= 1;
        if attempts == 0 {
            return Err(match displaced.is_empty() {
                true => error,
                false => Error::new(
                    ErrorKind::Duplicate,
                    format!("the rows in each other's way on a unique key are others each time ({error})"),
                ),
            });
        }
        displaced.append(&mut collision::displace(session, plan, error, &condition).await?);
    }
}

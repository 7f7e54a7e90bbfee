//! Which row it was that the new table did not take: the server tells the column and, for many rows at once, only that.

use outlast_core::{Error, ErrorKind, Key, Result};
use outlast_mysql::Session;

use crate::{
    plan::Plan,
    reread::{InTheWay, reread},
};

/// Adds the key of the first row that is rejected to an error about a row's data, by trying fewer and fewer of `keys` in a
/// transaction that is rolled back. Best effort: rows may have changed meanwhile.
pub(crate) async fn name_row(session: &mut Session, plan: &Plan, mut keys: Vec<Key>, error: Error) -> Error {
    if error.kind() != ErrorKind::DataRejected || keys.is_empty() {
        return error;
    }
    let mut last = error;
    while keys.len() > 1 {
        let upper = keys.split_off(keys.len() / 2);
        match try_rows(session, plan, &keys).await {
            Ok(Some(rejected)) => last = rejected,
            Ok(None) => keys = upper,
            Err(_) => return last,
        }
    }
    match try_rows(session, plan, &keys).await {
        Ok(Some(rejected)) => rejected.context(format_args!("the row with {}", plan.key.describe(&keys[0]))),
        Ok(None) | Err(_) => last,
    }
}

/// The error that writing these rows leads to, if it is about their data. Writes nothing.
async fn try_rows(session: &mut Session, plan: &Plan, keys: &[Key]) -> Result<Option<Error>> {
    session.run("START TRANSACTION").await?;
    let written = reread(session, plan, keys, InTheWay::Leave).await;
    session.run("ROLLBACK").await?;
    match written {
        Err(error) if error.kind() == ErrorKind::DataRejected => Ok(Some(error)),
        Err(error) => Err(error),
        Ok(_) => Ok(None),
    }
}

//! XA transactions that are prepared when a migration begins.
//!
//! Their GTIDs are executed, so a position holds them, while their rows are not visible: copied now, they would be lost.

use std::time::Duration;

use outlast_core::{Error, ErrorKind, Result};
use outlast_mysql::Session;
use tokio::time::Instant;

use crate::privileges::Privileges;

/// How long they are waited for before anything is made. Longer waits are for the retry policy; what is waited for is shown then.
const FIRST_PATIENCE: Duration = Duration::from_secs(1);

/// How long they are waited for when everything is made.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(200);

/// MySQL's number for a failed XA RECOVER (`ER_XAER_RMERR`).
const RECOVER_FAILED: u16 = 1401;

/// A prepared transaction, as `XA RECOVER CONVERT XID` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Prepared {
    format: i64,
    global_length: usize,
    /// Global part and branch part, as `0x` and hexadecimal digits.
    data: String,
}

impl Prepared {
    /// As XA COMMIT and XA ROLLBACK take it.
    fn xid(&self) -> String {
        let digits = self.data.strip_prefix("0x").unwrap_or(&self.data);
        let (global, branch) = digits.split_at_checked(2 * self.global_length).unwrap_or((digits, ""));
        format!("X'{global}',X'{branch}',{}", self.format)
    }
}

/// Waits until no XA transaction is left that was prepared before this call; not for long, so that nothing is made in vain, over and
/// over again, while somebody has forgotten one.
///
/// # Errors
/// `Passing` if one is still left, naming it.
pub(crate) async fn wait_before_preparation(session: &mut Session) -> Result<()> {
    wait(session, FIRST_PATIENCE).await
}

/// Waits until no XA transaction is left that was prepared before this call.
///
/// # Errors
/// `Passing` if one is still left after [`PATIENCE`], naming it.
pub(crate) async fn wait_for_end(session: &mut Session) -> Result<()> {
    // The GTID of an XA PREPARE is executed an instant before XA RECOVER shows the transaction.
    tokio::time::sleep(INTERVAL).await;
    wait(session, PATIENCE).await
}

async fn wait(session: &mut Session, patience: Duration) -> Result<()> {
    let deadline = Instant::now() + patience;
    let mut waiting = prepared(session).await?;
    while let Some(first) = waiting.first() {
        if Instant::now() >= deadline {
            return Err(still_prepared(first, waiting.len()));
        }
        tracing::debug!(
            first = first.xid(),
            count = waiting.len(),
            "waiting for prepared XA transactions"
        );
        tokio::time::sleep(INTERVAL).await;
        let still = prepared(session).await?;
        waiting.retain(|transaction| still.contains(transaction));
    }
    Ok(())
}

/// One of the prepared transactions, how many there are besides, and how to end it, for people; `None` if there is none.
///
/// # Errors
/// Those of the server.
pub(crate) async fn one_of_those_prepared(session: &mut Session) -> Result<Option<String>> {
    let prepared = prepared(session).await?;
    Ok(prepared.first().map(|first| described(first, prepared.len())))
}

async fn prepared(session: &mut Session) -> Result<Vec<Prepared>> {
    let rows: Vec<(i64, usize, usize, String)> = match session.rows("XA RECOVER CONVERT XID").await {
        // So the server says, among other things, that the privilege is missing.
        Err(error) if error.code() == Some(RECOVER_FAILED) => {
            Privileges::read(session).await?.expect_everywhere()?;
            return Err(error);
        }
        rows => rows?,
    };
    let transactions = rows.into_iter().map(|(format, global_length, _, data)| Prepared {
        format,
        global_length,
        data,
    });
    Ok(transactions.collect())
}

/// The transaction, with the others counted, and how to end it.
fn described(first: &Prepared, count: usize) -> String {
    let xid = first.xid();
    let others = match count {
        1 => String::new(),
        _ => format!(", and {} more", count - 1),
    };
    format!("transaction {xid}{others} (if its application has forgotten it: XA COMMIT {xid} or XA ROLLBACK {xid})")
}

fn still_prepared(first: &Prepared, count: usize) -> Error {
    let which = described(first, count);
    Error::new(
        ErrorKind::Passing,
        format!(
            "the copy can't begin: rows can't be read yet that were changed by XA {which}, which was prepared before and has not ended"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_xid_is_named_as_it_can_be_ended() {
        let prepared = Prepared {
            format: 7,
            global_length: 2,
            data: "0x677862".to_owned(),
        };
        let message = still_prepared(&prepared, 3).to_string();
        assert!(message.contains("XA ROLLBACK X'6778',X'62',7"), "{message}");
        assert!(message.contains("2 more"), "{message}");
    }
}

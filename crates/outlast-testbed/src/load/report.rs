//! What a load achieved, what it met, and whether all it was promised is there.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};

use super::ledger::{LostWrite, RowState};
use super::writer::WriterOutcome;
use crate::table::TableName;

/// The longest wait of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stall {
    /// From the statement being sent to its reply.
    pub duration: Duration,
    /// When it was sent, from the start of the load.
    pub at: Duration,
    /// The statement.
    pub sql: String,
}

/// Errors of one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerErrors {
    /// How many.
    pub count: u64,
    /// What the first of them said.
    pub first_message: String,
}

/// What a load achieved and met, and what it remembers for [`verify_acknowledged`](Self::verify_acknowledged).
#[derive(Debug)]
pub struct LoadReport {
    table: TableName,
    /// From start to stop.
    pub duration: Duration,
    /// Transactions whose commit was acknowledged.
    pub acknowledged: u64,
    /// The same, for each second since the start.
    pub acknowledged_per_second: Vec<u64>,
    /// Statements sent, failed ones included.
    pub statements: u64,
    /// Connections that were lost, refused, or abandoned because the primary had moved.
    pub connection_errors: u64,
    /// Errors that a server replied with, by code.
    pub server_errors: BTreeMap<u16, ServerErrors>,
    /// The longest wait of a statement that succeeded while the primary stayed where it was.
    pub longest_stall: Option<Stall>,
    outcomes: Vec<WriterOutcome>,
}

/// What became of the acknowledged writes.
#[derive(Debug, Clone)]
#[must_use = "lost writes are data, not an error"]
pub struct Verification {
    /// Rows that were written or read by the load, and compared.
    pub rows: usize,
    /// Rows whose last write has an unknown outcome; either state is right.
    pub in_doubt: usize,
    /// Acknowledged writes that are gone.
    pub lost: Vec<LostWrite>,
}

impl Verification {
    /// An error that shows the first lost writes, if there are any.
    ///
    /// # Errors
    ///
    /// When acknowledged writes were lost.
    pub fn expect_no_loss(&self) -> Result<()> {
        let shown: Vec<String> = self.lost.iter().take(5).map(|loss| format!("\n  {loss:?}")).collect();
        ensure!(
            self.lost.is_empty(),
            "{} acknowledged writes of {} rows are lost:{}",
            self.lost.len(),
            self.rows,
            shown.concat()
        );
        Ok(())
    }
}

impl LoadReport {
    pub(crate) fn new(table: TableName, duration: Duration, outcomes: Vec<WriterOutcome>) -> Self {
        let mut sum = Tally::default();
        for outcome in &outcomes {
            sum.add(&outcome.tally);
        }
        Self {
            table,
            duration,
            acknowledged: sum.acknowledged_per_second.iter().sum(),
            acknowledged_per_second: sum.acknowledged_per_second,
            statements: sum.statements,
            connection_errors: sum.connection_errors,
            server_errors: sum.server_errors,
            longest_stall: sum.longest_stall,
            outcomes,
        }
    }

    /// Errors that neither a failover nor the writers themselves explain: those of a migration, unless the test made them
    /// itself. Explained are lost connections, replies of servers that are no writable primary (any more), and
    /// [`deadlocks`](Self::deadlocks).
    #[must_use]
    pub fn unexplained_errors(&self) -> BTreeMap<u16, ServerErrors> {
        let unexplained = |code: u16| code != DEADLOCK && !NOT_PRIMARY.contains(&code);
        self.server_errors
            .iter()
            .filter(|(code, _)| unexplained(**code))
            .map(|(code, errors)| (*code, errors.clone()))
            .collect()
    }

    /// How many transactions the server rolled back to break a deadlock. Writers that swap unique values meet one by
    /// themselves in some thousands of transactions; many more than that are somebody else's doing.
    #[must_use]
    pub fn deadlocks(&self) -> u64 {
        self.server_errors.get(&DEADLOCK).map_or(0, |errors| errors.count)
    }

    /// Compares each row that was written or read with what must be in it: its last acknowledged write, or a later one whose reply
    /// was lost. Losses the writers noticed on the way, when they looked at their rows again after a failover, count too.
    ///
    /// An emergency promotion under asynchronous replication loses writes by nature; under
    /// [`RelayLog::LeftUnapplied`](crate::RelayLog::LeftUnapplied) it also reports writes as lost that turned up later.
    ///
    /// # Errors
    ///
    /// When the table can't be read. Lost writes are in the returned value.
    pub async fn verify_acknowledged(&self, conn: &mut Conn) -> Result<Verification> {
        let mut found = BTreeMap::new();
        let sql = format!("SELECT id, writer, version, email FROM {}", self.table);
        conn.query_fold::<(u64, i32, i64, String), _, _, ()>(sql, (), |(), (id, writer, version, email)| {
            if self.outcomes.iter().any(|outcome| outcome.ledger.holds(id)) {
                found.insert(id, RowState { writer, version, email });
            }
        })
        .await
        .with_context(|| format!("reading {}", self.table))?;
        let ledgers = || self.outcomes.iter().map(|outcome| &outcome.ledger);
        Ok(Verification {
            rows: ledgers().map(|ledger| ledger.rows()).sum(),
            in_doubt: ledgers().map(|ledger| ledger.in_doubt()).sum(),
            lost: ledgers().flat_map(|ledger| ledger.losses(&found)).collect(),
        })
    }
}

/// What one writer counts.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) statements: u64,
    pub(crate) connection_errors: u64,
    acknowledged_per_second: Vec<u64>,
    server_errors: BTreeMap<u16, ServerErrors>,
    longest_stall: Option<Stall>,
}

/// What an error says about the transaction it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// Nothing is known of it.
    ConnectionLost,
    /// This server is no writable primary (any more); whether it committed is not certain.
    NotPrimary,
    /// It was certainly not committed.
    NotCommitted,
    /// Something else: it may have been committed.
    Unknown,
}

/// Shutdown, read-only, offline, no quorum, rolled back by the group.
const NOT_PRIMARY: [u16; 7] = [1053, 1290, 1792, 1836, 3032, 3100, 3101];
const DEADLOCK: u16 = 1213;
/// Lock wait timeout, deadlock, duplicate.
const NOT_COMMITTED: [u16; 3] = [1205, DEADLOCK, 1062];

impl Tally {
    pub(crate) fn acknowledge(&mut self, at: Duration) {
        let second = usize::try_from(at.as_secs()).unwrap_or(usize::MAX);
        if self.acknowledged_per_second.len() <= second {
            self.acknowledged_per_second.resize(second + 1, 0);
        }
        self.acknowledged_per_second[second] += 1;
    }

    pub(crate) fn latency(&mut self, duration: Duration, at: Duration, sql: &str) {
        if self
            .longest_stall
            .as_ref()
            .is_none_or(|longest| longest.duration < duration)
        {
            self.longest_stall = Some(Stall {
                duration,
                at,
                sql: sql.to_owned(),
            });
        }
    }

    pub(crate) fn count(&mut self, error: &Error) -> ErrorKind {
        let Error::Server(reply) = error else {
            self.connection_errors += 1;
            return ErrorKind::ConnectionLost;
        };
        let first = || ServerErrors {
            count: 0,
            first_message: reply.message.clone(),
        };
        self.server_errors.entry(reply.code).or_insert_with(first).count += 1;
        match reply.code {
            code if NOT_PRIMARY.contains(&code) => ErrorKind::NotPrimary,
            code if NOT_COMMITTED.contains(&code) => ErrorKind::NotCommitted,
            _ => ErrorKind::Unknown,
        }
    }

    fn add(&mut self, other: &Self) {
        self.statements += other.statements;
        self.connection_errors += other.connection_errors;
        let seconds = self
            .acknowledged_per_second
            .len()
            .max(other.acknowledged_per_second.len());
        self.acknowledged_per_second.resize(seconds, 0);
        for (sum, more) in self
            .acknowledged_per_second
            .iter_mut()
            .zip(&other.acknowledged_per_second)
        {
            *sum += more;
        }
        for (code, errors) in &other.server_errors {
            let first = || ServerErrors {
                count: 0,
                first_message: errors.first_message.clone(),
            };
            self.server_errors.entry(*code).or_insert_with(first).count += errors.count;
        }
        if let Some(stall) = &other.longest_stall {
            self.latency(stall.duration, stall.at, &stall.sql);
        }
    }
}

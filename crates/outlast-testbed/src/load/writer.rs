//! One connection that writes, and looks for the primary when it loses it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Params};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, timeout};

use super::ledger::{Ledger, RowState};
use super::plan::{End, Plan, Planner, StepKind};
use super::report::{ErrorKind, Tally};
use super::server_options;
use crate::node::{connect, hang_up};
use crate::table::TableName;

/// How long a statement may go on after the primary has moved or the load was stopped, before it is abandoned.
const GRACE: Duration = Duration::from_secs(2);
const RECONNECT_PAUSE: Duration = Duration::from_millis(50);

pub(crate) struct Settings {
    pub(crate) number: usize,
    pub(crate) writers: usize,
    pub(crate) table: TableName,
    /// The highest id when the load began: rows up to it belong to the writer `id % writers`.
    pub(crate) filled: u64,
    pub(crate) first_version: i64,
    pub(crate) seed: u64,
    pub(crate) interval: Option<Duration>,
    pub(crate) started: Instant,
    pub(crate) primary: watch::Receiver<String>,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) acknowledged: Arc<AtomicU64>,
}

impl Settings {
    /// What the writer puts into the column `writer`: its number plus one, as 0 is for rows that were there before.
    fn column(&self) -> i32 {
        i32::try_from(self.number + 1).unwrap_or(i32::MAX)
    }
}

/// What a writer leaves behind.
#[derive(Debug)]
pub(crate) struct WriterOutcome {
    pub(crate) ledger: Ledger,
    pub(crate) tally: Tally,
}

pub(crate) struct Writer {
    settings: Settings,
    rng: StdRng,
    version: i64,
    ledger: Ledger,
    tally: Tally,
    flight: Flight,
}

/// What the transaction under way has told the server. A row inserted under a key that the server chooses joins it with the
/// reply: if that is lost, the row may exist and nobody counts on it.
#[derive(Default)]
struct Flight {
    effects: Vec<(u64, Option<RowState>)>,
    /// The statement that commits has been sent: from now on, no reply means doubt.
    committing: bool,
}

enum Failure {
    Sql(Error),
    /// A row the writer was sure of was not there to be changed.
    Missing(u64),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Sql(error)
    }
}

impl Writer {
    pub(crate) fn new(settings: Settings) -> Self {
        let seed = settings
            .seed
            .wrapping_mul(1_000_003)
            .wrapping_add(settings.number as u64);
        Self {
            rng: StdRng::seed_from_u64(seed),
            version: settings.first_version,
            ledger: Ledger::new(settings.column(), settings.filled),
            tally: Tally::default(),
            flight: Flight::default(),
            settings,
        }
    }

    pub(crate) async fn run(mut self) -> WriterOutcome {
        let mut pace = self.settings.interval.map(ticker);
        let mut session: Option<(String, Conn)> = None;
        loop {
            if let Some(pace) = &mut pace {
                let mut stop = self.settings.stop.clone();
                tokio::select! {
                    _ = pace.tick() => {}
                    () = becomes(&mut stop, |stop| *stop) => {}
                }
            }
            if *self.settings.stop.borrow() {
                break;
            }
            let address = self.settings.primary.borrow().clone();
            let kept = session.take().filter(|(connected_to, _)| *connected_to == address);
            let mut conn = match kept {
                Some((_, conn)) => conn,
                None => match self.open(&address).await {
                    Some(conn) => conn,
                    None => continue,
                },
            };
            if self.one_transaction(&mut conn, &address).await {
                session = Some((address, conn));
            } else {
                // A connection abandoned in the middle of a reply can't say goodbye.
                drop(conn);
                self.pause(&address).await;
            }
        }
        if let Some((_, conn)) = session {
            let _ = timeout(GRACE, hang_up(conn)).await;
        }
        WriterOutcome {
            ledger: self.ledger,
            tally: self.tally,
        }
    }

    /// A connection to perhaps another server; after a pause none, if there can be none now.
    async fn open(&mut self, address: &str) -> Option<Conn> {
        self.ledger.forget_server();
        let opened = open_session(address).await;
        if opened.is_err() {
            self.tally.connection_errors += 1;
            self.pause(address).await;
        }
        opened.ok()
    }

    /// Whether the connection can be used on.
    async fn one_transaction(&mut self, conn: &mut Conn, address: &str) -> bool {
        self.flight = Flight::default();
        let abandon = abandon(
            self.settings.primary.clone(),
            self.settings.stop.clone(),
            address.to_owned(),
        );
        let outcome = tokio::select! {
            outcome = self.transaction(conn) => Some(outcome),
            () = abandon => None,
        };
        let flight = std::mem::take(&mut self.flight);
        let failure = match outcome {
            Some(Ok(committed)) => {
                if committed {
                    for (id, state) in flight.effects {
                        self.ledger.acknowledge(id, state);
                    }
                    self.tally.acknowledge(self.settings.started.elapsed());
                    self.settings.acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                return true;
            }
            Some(Err(failure)) => failure,
            None => {
                self.tally.connection_errors += 1;
                self.doubt(flight);
                return false;
            }
        };
        match failure {
            Failure::Missing(id) => {
                // The next look at the row says what is lost.
                self.ledger.forget_row(id);
                conn.query_drop("ROLLBACK").await.is_ok()
            }
            Failure::Sql(error) => {
                let kind = self.tally.count(&error);
                if kind != ErrorKind::NotCommitted {
                    self.doubt(flight);
                }
                match kind {
                    ErrorKind::ConnectionLost | ErrorKind::NotPrimary => false,
                    ErrorKind::NotCommitted | ErrorKind::Unknown => conn.query_drop("ROLLBACK").await.is_ok(),
                }
            }
        }
    }

    fn doubt(&mut self, flight: Flight) {
        if flight.committing {
            for (id, state) in flight.effects {
                self.ledger.doubt(id, state);
            }
        }
    }

    /// Plans a transaction and executes it. Whether it was committed.
    async fn transaction(&mut self, conn: &mut Conn) -> Result<bool, Failure> {
        let plan = self.plan(conn).await?;
        self.flight.effects = plan.effects;
        if plan.end != End::Autocommit {
            self.timed("BEGIN", conn.query_drop("BEGIN")).await?;
        }
        for step in plan.steps {
            self.flight.committing = plan.end == End::Autocommit;
            match &step.kind {
                // The server doesn't prepare statements about savepoints.
                StepKind::Control => self.timed(&step.sql, conn.query_drop(step.sql.as_str())).await?,
                StepKind::Insert { .. } | StepKind::Change { .. } => {
                    self.timed(&step.sql, conn.exec_drop(step.sql.as_str(), step.params))
                        .await?;
                }
            }
            match step.kind {
                StepKind::Insert { row, kept: true } => {
                    if let Some(id) = conn.last_insert_id() {
                        self.flight.effects.push((id, Some(row)));
                    }
                }
                StepKind::Change { id } if conn.affected_rows() != 1 => return Err(Failure::Missing(id)),
                StepKind::Insert { .. } | StepKind::Change { .. } | StepKind::Control => {}
            }
        }
        match plan.end {
            End::Autocommit => {}
            End::Commit => {
                self.flight.committing = true;
                self.timed("COMMIT", conn.query_drop("COMMIT")).await?;
            }
            End::Rollback => self.timed("ROLLBACK", conn.query_drop("ROLLBACK")).await?,
        }
        Ok(plan.end != End::Rollback)
    }

    async fn plan(&mut self, conn: &mut Conn) -> Result<Plan, Failure> {
        let table = self.settings.table.clone();
        let choice = self.rng.random_range(0..100);
        let Some((a, a_row)) = self.present_row(conn, None).await? else {
            let mut single = Planner::new(&table, End::Autocommit);
            single.insert(self.new_row(), true);
            return Ok(single.finish());
        };
        let end = if choice < 64 { End::Autocommit } else { End::Commit };
        let mut planner = Planner::new(&table, end);
        match choice {
            0..25 => planner.insert(self.new_row(), true),
            25..45 => planner.update(a, self.next_version(a_row), true),
            45..50 => planner.update(a, self.new_row(), true),
            50..58 => planner.delete(a),
            58..64 => match self.ledger.take_free() {
                Some(id) if choice < 61 => planner.insert_at(id, self.new_row()),
                Some(id) => planner.change_key(a, id, self.next_version(a_row)),
                None => planner.delete(a),
            },
            64..72 => match self.present_row(conn, Some(a)).await? {
                Some((b, b_row)) => {
                    let a_next = RowState {
                        email: b_row.email.clone(),
                        ..self.next_version(a_row.clone())
                    };
                    self.version += 1;
                    let b_next = RowState {
                        email: a_row.email,
                        ..self.next_version(b_row)
                    };
                    planner.swap_emails((a, a_next), (b, b_next));
                }
                None => planner.update(a, self.next_version(a_row), true),
            },
            72..86 => {
                planner.insert(self.new_row(), true);
                planner.update(a, self.next_version(a_row), true);
                if let Some((b, _)) = self.present_row(conn, Some(a)).await? {
                    planner.delete(b);
                }
                planner.insert(self.new_row(), true);
            }
            86..93 => {
                planner = Planner::new(&table, End::Rollback);
                planner.update(a, self.next_version(a_row), false);
                planner.insert(self.new_row(), false);
            }
            _ => {
                planner.update(a, self.next_version(a_row), true);
                planner.control("SAVEPOINT before_change_of_mind");
                planner.insert(self.new_row(), false);
                if let Some((b, b_row)) = self.present_row(conn, Some(a)).await? {
                    planner.update(b, self.next_version(b_row), false);
                }
                planner.control("ROLLBACK TO SAVEPOINT before_change_of_mind");
                planner.insert(self.new_row(), true);
            }
        }
        Ok(planner.finish())
    }

    /// A row of this writer that is there, other than `except`; after a few vain attempts none.
    async fn present_row(&mut self, conn: &mut Conn, except: Option<u64>) -> Result<Option<(u64, RowState)>, Failure> {
        for _ in 0..5 {
            let Some(id) = self.any_row().filter(|id| Some(*id) != except) else {
                continue;
            };
            if self.ledger.known(id).is_none() {
                self.look_at(conn, id).await?;
            }
            if let Some(Some(row)) = self.ledger.known(id) {
                return Ok(Some((id, row.clone())));
            }
        }
        Ok(None)
    }

    /// Half of the time a row of the initial ones, which may have been deleted.
    fn any_row(&mut self) -> Option<u64> {
        let Settings {
            number,
            writers,
            filled,
            ..
        } = self.settings;
        let (number, writers) = (number as u64, writers as u64);
        if filled >= writers && self.rng.random_bool(0.5) {
            let id = self.rng.random_range(0..filled / writers) * writers + number;
            return (id > 0).then_some(id);
        }
        self.ledger.any_written(&mut self.rng)
    }

    /// Reads a row. Locking, so that it waits for a transaction of an earlier connection that is still being committed.
    async fn look_at(&mut self, conn: &mut Conn, id: u64) -> Result<(), Failure> {
        let sql = format!(
            "SELECT writer, version, email FROM {} WHERE id = ? FOR UPDATE",
            self.settings.table
        );
        let row: Option<(i32, i64, String)> = self
            .timed(&sql, conn.exec_first(sql.as_str(), Params::from((id,))))
            .await?;
        self.ledger.observe(
            id,
            row.map(|(writer, version, email)| RowState { writer, version, email }),
        );
        Ok(())
    }

    fn new_row(&mut self) -> RowState {
        self.version += 1;
        let (writer, version) = (self.settings.column(), self.version);
        RowState {
            writer,
            version,
            email: format!("writer-{writer}-{version}@example.com"),
        }
    }

    /// The same row with the same unique value, written once more.
    fn next_version(&mut self, row: RowState) -> RowState {
        self.version += 1;
        RowState {
            writer: self.settings.column(),
            version: self.version,
            email: row.email,
        }
    }

    async fn timed<T>(&mut self, sql: &str, reply: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let sent = Instant::now();
        let primary = self.settings.primary.borrow().clone();
        let outcome = reply.await;
        self.tally.statements += 1;
        if outcome.is_ok() && *self.settings.primary.borrow() == primary {
            self.tally.latency(sent.elapsed(), sent - self.settings.started, sql);
        }
        outcome
    }

    /// A moment before the next attempt; shorter if another primary is named.
    async fn pause(&mut self, address: &str) {
        let mut primary = self.settings.primary.clone();
        tokio::select! {
            () = sleep(RECONNECT_PAUSE) => {}
            () = becomes(&mut primary, |now| now != address) => {}
        }
    }
}

/// At READ COMMITTED, where writers of neighbouring keys meet few gap locks of each other: deadlocks stay rare.
async fn open_session(address: &str) -> Result<Conn> {
    let mut conn = connect(server_options(address)?).await?;
    conn.query_drop("SET SESSION transaction_isolation = 'READ-COMMITTED'")
        .await?;
    Ok(conn)
}

/// Resolves when a transaction has been going on too long after the primary moved away, or after the load was stopped.
async fn abandon(mut primary: watch::Receiver<String>, mut stop: watch::Receiver<bool>, address: String) {
    tokio::select! {
        () = becomes(&mut primary, |now| *now != address) => {}
        () = becomes(&mut stop, |stop| *stop) => {}
    }
    sleep(GRACE).await;
}

/// Never resolves once nobody can change the value any more.
async fn becomes<T>(watched: &mut watch::Receiver<T>, condition: impl FnMut(&T) -> bool) {
    if watched.wait_for(condition).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn ticker(period: Duration) -> Interval {
    let mut ticker = interval(period);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticker
}

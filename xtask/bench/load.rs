//! An application that writes single rows by random key, over several connections.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use mysql_async::{Conn, Error, prelude::Queryable};
use outlast_testbed::Node;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    bed::TABLE,
    trace::{Sample, Trace},
};

const CONNECTIONS: u64 = 16;
/// How long a load that is behind its rate is given, at its end, to send what was due.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(120);
/// How late a statement may be sent by a load that keeps its rate, and how long is waited until it does.
const LATE: Duration = Duration::from_millis(50);
const EVEN_LIMIT: Duration = Duration::from_secs(300);
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Deleted rows that a connection inserts again before it deletes others.
const MOST_MISSING: usize = 16;

/// When statements are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// So many a second, all connections together, however long they take: latency counts from when one was due.
    PerSecond(f64),
    /// Each connection sends the next when the last is done.
    ClosedLoop,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mix {
    /// Updates; deletions, and insertions of what was deleted.
    AllKinds,
    Updates,
}

/// A running load; dropping it stops it at once.
pub(crate) struct Load {
    begun: Instant,
    pace: Pace,
    /// How many statements are sent or waited for, if the rate is fixed.
    tickets: Arc<AtomicU64>,
    /// When the last statement is due.
    stop: watch::Sender<Option<Duration>>,
    writers: JoinSet<Result<Trace>>,
}

impl Load {
    /// Begins to write into the table, which holds the keys from 1 to `rows`.
    pub(crate) async fn start(node: &Node, rows: u64, pace: Pace, mix: Mix) -> Result<Self> {
        let stop = watch::Sender::new(None);
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(node.connect().await?);
        }
        let tickets = Arc::new(AtomicU64::new(0));
        let begun = Instant::now();
        let mut writers = JoinSet::new();
        for (number, conn) in (0..).zip(connections) {
            let writer = Writer {
                conn,
                rng: StdRng::seed_from_u64(number),
                rows,
                mix,
                missing: Vec::new(),
                trace: Trace::default(),
            };
            writers.spawn(writer.run(begun, pace, Arc::clone(&tickets), stop.subscribe()));
        }
        Ok(Self {
            begun,
            pace,
            tickets,
            stop,
            writers,
        })
    }

    /// Now, as samples tell the time.
    pub(crate) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Waits until it has caught up with its rate, if it was held up. A closed loop never is.
    ///
    /// # Errors
    ///
    /// When it doesn't within five minutes.
    pub(crate) async fn until_even(&self) -> Result<()> {
        let Pace::PerSecond(rate) = self.pace else {
            return Ok(());
        };
        let begun = Instant::now();
        loop {
            let next_due = Duration::from_secs_f64(self.tickets.load(Ordering::Relaxed) as f64 / rate);
            let late = self.now().saturating_sub(next_due);
            if late < LATE {
                return Ok(());
            }
            ensure!(
                begun.elapsed() < EVEN_LIMIT,
                "the machine can't do {rate:.0} writes/s beside: the application is still {late:.0?} late"
            );
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Lets it write for a while; returns when that began and ended.
    pub(crate) async fn go_on(&self, time: Duration) -> (Duration, Duration) {
        let from = self.now();
        tokio::time::sleep(time).await;
        (from, self.now())
    }

    /// Ends it when all that is due by now has been sent: else what waits longest would be missing. Returns what it saw.
    ///
    /// # Errors
    ///
    /// When it is too far behind its rate for that.
    pub(crate) async fn stop(mut self) -> Result<Trace> {
        self.stop.send_replace(Some(self.now()));
        let mut all = Trace::default();
        while let Some(ended) = self.writers.join_next().await {
            let trace = ended.context("a writer panicked")??;
            all.samples.extend(trace.samples);
            for (message, count) in trace.errors {
                *all.errors.entry(message).or_default() += count;
            }
        }
        ensure!(!all.samples.is_empty(), "the application has written nothing");
        Ok(all)
    }
}

struct Writer {
    conn: Conn,
    rng: StdRng,
    rows: u64,
    mix: Mix,
    /// Keys of rows that this connection has deleted.
    missing: Vec<u64>,
    trace: Trace,
}

impl Writer {
    async fn run(
        mut self,
        begun: Instant,
        pace: Pace,
        tickets: Arc<AtomicU64>,
        mut stop: watch::Receiver<Option<Duration>>,
    ) -> Result<Trace> {
        loop {
            let due = match pace {
                Pace::ClosedLoop => begun.elapsed(),
                Pace::PerSecond(rate) => {
                    let ticket = tickets.fetch_add(1, Ordering::Relaxed);
                    let due = Duration::from_secs_f64(ticket as f64 / rate);
                    let wait = due.saturating_sub(begun.elapsed());
                    // Even no time at all is rounded up to a millisecond of sleep, which who is late hasn't got.
                    if !wait.is_zero() {
                        tokio::select! {
                            () = tokio::time::sleep(wait) => {}
                            // Nothing that comes later is due; and what is due already does not sleep.
                            _ = stop.wait_for(|end| end.is_some_and(|end| due > end)) => {}
                        }
                    }
                    due
                }
            };
            let end = *stop.borrow();
            if let Some(end) = end {
                if due > end {
                    break;
                }
                let behind = begun.elapsed().saturating_sub(end);
                ensure!(
                    behind < CATCH_UP_LIMIT,
                    "the machine can't do so many writes: the application is behind its rate by more than {behind:.0?}"
                );
            }
            match self.write().await {
                Ok(()) => {}
                Err(Error::Server(refused)) => *self.trace.errors.entry(refused.to_string()).or_default() += 1,
                Err(error) => return Err(error).context("the application lost its connection"),
            }
            let replied = begun.elapsed();
            self.trace.samples.push(Sample { due, replied });
        }
        Ok(self.trace)
    }

    async fn write(&mut self) -> Result<(), Error> {
        let id = self.rng.random_range(1..=self.rows);
        let k = self.rng.random_range(1..=self.rows);
        let kind = self.rng.random_range(0..4);
        if self.mix == Mix::Updates || kind < 2 {
            let update = format!("UPDATE {TABLE} SET k = ?, c = ? WHERE id = ?");
            let c = self.digits(10);
            return self.conn.exec_drop(update, (k, c, id)).await;
        }
        if self.missing.len() >= MOST_MISSING || (kind == 3 && !self.missing.is_empty()) {
            let insert = format!("INSERT INTO {TABLE} (id, k, c, pad) VALUES (?, ?, ?, ?)");
            let (c, pad) = (self.digits(10), self.digits(5));
            let place = self.rng.random_range(0..self.missing.len());
            let id = self.missing.swap_remove(place);
            return self.conn.exec_drop(insert, (id, k, c, pad)).await;
        }
        let delete = format!("DELETE FROM {TABLE} WHERE id = ?");
        self.conn.exec_drop(delete, (id,)).await?;
        if self.conn.affected_rows() == 1 {
            self.missing.push(id);
        }
        Ok(())
    }

    /// As sysbench fills its columns.
    fn digits(&mut self, groups: usize) -> String {
        let groups: Vec<String> = (0..groups)
            .map(|_| format!("{:011}", self.rng.random_range(0..100_000_000_000_u64)))
            .collect();
        groups.join("-")
    }
}

//! What else the application does: changes of many rows in one statement, and distributed transactions.
//!
//! Only columns are written that no promise is about, so the rows stay those of the load. Between XA PREPARE and the end of a
//! distributed transaction servers die and change; on the next primary its manager looks for it and ends it, as it must.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use mysql_async::{Conn, Error, Opts, Row, prelude::Queryable};
use outlast_testbed::accounts;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

const PAUSE: Duration = Duration::from_millis(80);
/// A frozen server doesn't answer; then another connection is tried.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// What servers say that are no writable primary (any more), that break a deadlock, or that have forgotten or ended a
/// distributed transaction.
const EXPECTED: [u16; 14] = [
    1053, 1290, 1792, 1836, 3032, 3098, 3100, 3101, 1213, 1397, 1399, 1402, 1614, 1440,
];

/// How it went.
#[derive(Debug, Default)]
pub(crate) struct Errands {
    /// Changes of many rows that were committed.
    pub(crate) bulks: u64,
    /// Distributed transactions that were prepared.
    pub(crate) prepared: u64,
    /// Of them, those that were found on another connection, and ended there.
    pub(crate) recovered: u64,
    /// Errors of servers that are no part of the game, by number.
    unexpected: BTreeMap<u16, String>,
}

impl Errands {
    /// None of the statements failed but by the faults.
    pub(crate) fn expect_no_errors(&self) -> Result<()> {
        ensure!(
            self.unexpected.is_empty(),
            "its statements failed: {:?}",
            self.unexpected
        );
        Ok(())
    }

    /// Adds those of another time.
    pub(crate) fn add(&mut self, other: Self) {
        self.bulks += other.bulks;
        self.prepared += other.prepared;
        self.recovered += other.recovered;
        self.unexpected.extend(other.unexpected);
    }

    fn note(&mut self, error: &Error) {
        if let Error::Server(reply) = error
            && !EXPECTED.contains(&reply.code)
        {
            self.unexpected
                .entry(reply.code)
                .or_insert_with(|| reply.message.clone());
        }
    }
}

/// A process of the application that does errands until it is stopped.
pub(crate) struct Errand {
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<Errands>>,
}

impl Errand {
    /// Begins, on whichever server is the primary. Ids up to `rows` are changed.
    pub(crate) fn start(primary: watch::Receiver<String>, rows: u64, seed: u64, is_distributed: bool) -> Self {
        let (stop, stopped) = watch::channel(false);
        let runner = Runner {
            rng: StdRng::seed_from_u64(seed),
            rows,
            is_distributed,
            primary,
            stopped,
            errands: Errands::default(),
            number: 0,
        };
        Self {
            stop,
            task: tokio::spawn(runner.run()),
        }
    }

    /// Ends all that was begun, and stops.
    pub(crate) async fn stop(self, limit: Duration) -> Result<Errands> {
        self.stop.send_replace(true);
        timeout(limit, self.task).await.context("errands do not end")??
    }
}

struct Runner {
    rng: StdRng,
    rows: u64,
    is_distributed: bool,
    primary: watch::Receiver<String>,
    stopped: watch::Receiver<bool>,
    errands: Errands,
    number: u64,
}

impl Runner {
    async fn run(mut self) -> Result<Errands> {
        let mut session: Option<(String, Conn)> = None;
        loop {
            let must_stop = *self.stopped.borrow();
            let address = self.primary.borrow().clone();
            let kept = session.take().filter(|(connected_to, _)| *connected_to == address);
            let mut conn = match kept {
                Some((_, conn)) => conn,
                None => match timeout(ANSWER_LIMIT, self.open(&address)).await {
                    Ok(Ok(conn)) => conn,
                    Ok(Err(error)) => {
                        self.errands.note(&error);
                        sleep(PAUSE).await;
                        continue;
                    }
                    Err(_) => continue,
                },
            };
            let done = match must_stop {
                true => self.end_all(&mut conn).await,
                false => timeout(ANSWER_LIMIT, self.one(&mut conn)).await.unwrap_or(Ok(())),
            };
            match done {
                Ok(()) if must_stop => return Ok(self.errands),
                Ok(()) => session = Some((address, conn)),
                // On the next connection, what was prepared is looked for.
                Err(error) => self.errands.note(&error),
            }
            sleep(PAUSE).await;
        }
    }

    async fn open(&mut self, address: &str) -> Result<Conn, Error> {
        let url = format!("mysql://{}@{address}?prefer_socket=false", accounts::ROOT_USER);
        let mut conn = Conn::new(Opts::from_url(&url)?).await?;
        conn.query_drop("SET SESSION transaction_isolation = 'READ-COMMITTED'")
            .await?;
        self.end_all(&mut conn).await?;
        Ok(conn)
    }

    /// Ends what was prepared, here or on a server from which this one has it.
    async fn end_all(&mut self, conn: &mut Conn) -> Result<(), Error> {
        let prepared: Vec<Row> = conn.query("XA RECOVER").await?;
        for row in prepared {
            let Some(name) = row.get::<String, _>("data") else {
                continue;
            };
            self.end(conn, &name).await?;
            self.errands.recovered += 1;
        }
        Ok(())
    }

    async fn end(&mut self, conn: &mut Conn, name: &str) -> Result<(), Error> {
        let verb = if self.rng.random_bool(0.7) {
            "COMMIT"
        } else {
            "ROLLBACK"
        };
        conn.query_drop(format!("XA {verb} '{name}'")).await
    }

    async fn one(&mut self, conn: &mut Conn) -> Result<(), Error> {
        self.number += 1;
        let id = self.rng.random_range(1..=self.rows);
        if !self.is_distributed || self.rng.random_bool(0.6) {
            let upto = id + self.rng.random_range(0..60);
            conn.query_drop(format!(
                "UPDATE test.customers SET payload = 'bulk {}', amount = amount + 1 WHERE id BETWEEN {id} AND {upto}",
                self.number
            ))
            .await?;
            self.errands.bulks += 1;
            return Ok(());
        }
        // Unique among all servers and lives.
        let name = format!("errand-{}-{}", self.number, self.rng.random::<u32>());
        conn.query_drop(format!("XA START '{name}'")).await?;
        let changed = conn.query_drop(format!(
            "UPDATE test.customers SET payload = '{name}' WHERE id IN ({id}, {})",
            id / 2 + 1
        ));
        changed.await?;
        conn.query_drop(format!("XA END '{name}'")).await?;
        conn.query_drop(format!("XA PREPARE '{name}'")).await?;
        self.errands.prepared += 1;
        // Its manager waits for other participants.
        sleep(Duration::from_millis(self.rng.random_range(0..600))).await;
        self.end(conn, &name).await
    }
}

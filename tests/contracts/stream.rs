//! The contract of the stream.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::ensure;
use async_trait::async_trait;
use mysql_async::{Conn, OptsBuilder, Pool, Row, prelude::Queryable};
use outlast_core::{
    Key, Migration, Scheduler, Stream,
    contract::{
        ClusterFixture,
        instant::InstantFixture,
        stream::{Place, StreamFixture, Subject},
    },
    ledger::Xid,
};
use outlast_stream_mysql::MySqlStream;
use outlast_testbed::eventually;

use crate::cluster::{self, Fixture, PATIENCE};

/// MySQL's number for a table that does not exist (`ER_NO_SUCH_TABLE`).
const NO_SUCH_TABLE: u16 = 1146;
/// MySQL's number for a schema that does not exist (`ER_BAD_DB_ERROR`).
const UNKNOWN_DATABASE: u16 = 1049;

/// The application's connections to the primary.
struct Application(Pool);

async fn fixture() -> Fixture<Application> {
    let fixture = Fixture::undisturbed(()).await;
    let options = OptsBuilder::from_opts(fixture.primary_node().opts())
        // Locks are waited for as long as it takes.
        .setup(vec!["SET SESSION innodb_lock_wait_timeout = 1000000"]);
    fixture.with(Application(Pool::new(options)))
}

impl Application {
    async fn connection(&self) -> Conn {
        self.0.get_conn().await.expect("the primary answers")
    }

    /// Executes one statement.
    async fn execute(&self, sql: &str) {
        let executed = self.connection().await.query_drop(sql).await;
        executed.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

/// The user's table, as in SQL.
fn source(migration: &Migration) -> String {
    format!("{}.{}", migration.schema, migration.table)
}

/// Sets a row to a value.
fn set(table: &str, row: u64, value: u64) -> String {
    format!("INSERT INTO {table} (id, value) VALUES ({row}, {value}) AS new ON DUPLICATE KEY UPDATE value = new.value")
}

impl Fixture<Application> {
    /// A new table with these rows (and `more` columns), and an adopted migration of it.
    async fn subject_of(&self, rows: &[(u64, u64)], changes: &str, more: &str) -> Subject {
        let lease = self.submitted_and_adopted(changes).await;
        let migration = cluster::scheduler().get(&self.primary(), &lease.migration).await;
        let migration = migration.expect("it was submitted");
        let table = source(&migration);
        self.suite
            .execute(&format!(
                "CREATE TABLE {table} (id BIGINT UNSIGNED PRIMARY KEY, value BIGINT UNSIGNED NOT NULL{more})"
            ))
            .await;
        if !rows.is_empty() {
            let values: Vec<String> = rows.iter().map(|(id, value)| format!("({id}, {value})")).collect();
            let sql = format!("INSERT INTO {table} (id, value) VALUES {}", values.join(", "));
            self.suite.execute(&sql).await;
        }
        Subject { migration, lease }
    }
}

#[async_trait]
impl StreamFixture for Fixture<Application> {
    fn stream(&self) -> Arc<dyn Stream> {
        Arc::new(MySqlStream::new(cluster::connector(), cluster::checkpoints()))
    }

    async fn subject(&self, rows: &[(u64, u64)]) -> Subject {
        let changes = "ADD COLUMN note VARCHAR(40) NOT NULL DEFAULT 'none'";
        self.subject_of(rows, changes, "").await
    }

    async fn unique_subject(&self, rows: &[(u64, u64)]) -> Subject {
        self.subject_of(rows, "ADD UNIQUE (value)", "").await
    }

    async fn depose(&self, subject: &Subject) {
        self.adopted(&subject.lease.migration, subject.lease.epoch).await;
    }

    async fn end_sessions(&self, subject: &Subject) {
        let sessions = format!(
            "SELECT PROCESSLIST_ID FROM performance_schema.session_connect_attrs \
             WHERE ATTR_NAME = 'outlast_migration' AND ATTR_VALUE = '{}'",
            subject.migration.id
        );
        let mut conn = self.suite.connection().await;
        let ids: Vec<u64> = conn.query(&sessions).await.expect("sessions are listed");
        for id in ids {
            // One that has ended by itself can't be killed; what counts is that none is left.
            let _ = conn.query_drop(format!("KILL {id}")).await;
        }
        let ended = eventually("all sessions are over", PATIENCE, || async {
            let left: Vec<u64> = self.primary_node().query(&sessions).await?;
            ensure!(left.is_empty(), "{left:?} are left");
            Ok(())
        });
        ended.await.expect("the server ends killed sessions");
    }

    fn key(&self, number: u64) -> Key {
        Key::new(number.to_be_bytes(), number.to_string())
    }

    async fn rows(&self, subject: &Subject, place: Place) -> Option<BTreeMap<u64, u64>> {
        let migration = &subject.migration;
        let schema = match place {
            Place::Source => migration.schema.clone(),
            Place::Shadow => migration.shadow_schema(),
            Place::Retired => migration.retired_schema(),
        };
        let sql = format!("SELECT id, value FROM {schema}.{}", migration.table);
        match self.suite.connection().await.query(sql).await {
            Ok(rows) => Some(rows.into_iter().collect::<BTreeMap<u64, u64>>()),
            Err(mysql_async::Error::Server(error)) if [NO_SUCH_TABLE, UNKNOWN_DATABASE].contains(&error.code) => None,
            Err(error) => panic!("{place:?} can't be read: {error}"),
        }
    }

    async fn write(&self, subject: &Subject, rows: &[(u64, Option<u64>)]) {
        let table = source(&subject.migration);
        let mut conn = self.suite.connection().await;
        let statements = rows.iter().map(|(row, value)| match value {
            Some(value) => set(&table, *row, *value),
            None => format!("DELETE FROM {table} WHERE id = {row}"),
        });
        let begin = std::iter::once("BEGIN".to_owned());
        for sql in begin.chain(statements).chain(["COMMIT".to_owned()]) {
            conn.query_drop(sql).await.expect("the primary takes writes");
        }
    }

    async fn rename_row(&self, subject: &Subject, from: u64, to: u64) {
        let table = source(&subject.migration);
        self.suite
            .execute(&format!("UPDATE {table} SET id = {to} WHERE id = {from}"))
            .await;
    }

    async fn xa_prepare(&self, subject: &Subject, row: u64, value: u64) -> Xid {
        let name = format!("{}-{row}", subject.migration.id);
        let hex: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
        // As the stream writes what it has read: in lower case, without spaces.
        let xid = format!("x'{hex}',x'',1");
        let set = set(&source(&subject.migration), row, value);
        let mut conn = self.suite.connection().await;
        for sql in [
            format!("XA START {xid}"),
            set,
            format!("XA END {xid}"),
            format!("XA PREPARE {xid}"),
        ] {
            conn.query_drop(sql).await.expect("the primary takes writes");
        }
        // So that another one may end it, on servers that detach nothing before.
        conn.disconnect().await.expect("the connection ends");
        Xid(xid.into_bytes())
    }

    async fn xa_end(&self, _: &Subject, xid: &Xid, commit: bool) {
        let verb = if commit { "COMMIT" } else { "ROLLBACK" };
        let xid = String::from_utf8_lossy(&xid.0);
        self.suite.execute(&format!("XA {verb} {xid}")).await;
    }

    async fn truncate(&self, subject: &Subject) {
        self.suite
            .execute(&format!("TRUNCATE TABLE {}", source(&subject.migration)))
            .await;
    }
}

#[async_trait]
impl InstantFixture for Fixture<Application> {
    async fn instant_subject(&self, rows: &[(u64, u64)]) -> Subject {
        let changes = "RENAME COLUMN one TO two, RENAME COLUMN two TO one";
        self.subject_of(rows, changes, ", one INT, two INT").await
    }

    async fn is_altered(&self, subject: &Subject) -> bool {
        let sql = format!("SHOW COLUMNS FROM {}", source(&subject.migration));
        let columns: Vec<Row> = self.suite.connection().await.query(sql).await.expect("it exists");
        columns.last().and_then(|column| column.get::<String, _>(0)).as_deref() == Some("one")
    }
}

mod copying {
    use super::fixture;
    outlast_core::contract::stream_suite!(fixture().await);
}

mod instant {
    use super::fixture;
    outlast_core::contract::instant_suite!(fixture().await);
}

/// A reader pauses while very much waits to be applied, for longer than the server would wait for any other client.
#[tokio::test]
async fn changes_go_on_after_a_pause_that_is_longer_than_the_servers_patience() {
    /// Of a megabyte each: more than the buffers of a connection hold.
    const TRANSACTIONS: usize = 40;
    let fixture = fixture().await;
    let subject = fixture.subject(&[(1, 1)]).await;
    let stream = fixture.stream().open(&subject.lease, &subject.migration).await;
    let stream = stream.expect("the primary answers");
    stream.prepare().await.expect("the table can be migrated");
    fixture.suite.execute("SET GLOBAL net_write_timeout = 1").await;
    let mut processed = stream.executed().await.expect("the primary answers");
    let mut changes = stream.changes(&processed).await.expect("the binlogs are there");
    let big = format!("{}_big", source(&subject.migration));
    fixture
        .suite
        .execute(&format!("CREATE TABLE {big} (content LONGTEXT)"))
        .await;
    for _ in 0..TRANSACTIONS {
        let insert = format!("INSERT INTO {big} VALUES (REPEAT('x', 1000000))");
        fixture.suite.execute(&insert).await;
    }
    // This is the pause.
    tokio::time::sleep(Duration::from_secs(4)).await;
    fixture.suite.execute("SET GLOBAL net_write_timeout = DEFAULT").await;
    let executed = stream.executed().await.expect("the primary answers");
    while !executed.is_subset(&processed) {
        for change in changes.next().await.expect("the server has waited") {
            processed.insert(&change.gtid);
        }
    }
}

/// All loops of a migration work in one task: who reads must not keep the others from it, however much there is to read.
#[tokio::test]
async fn who_reads_very_much_lets_others_work_meanwhile() {
    const ROWS: usize = 100_000;
    let fixture = fixture().await;
    let subject = fixture.subject(&[(1, 1)]).await;
    let stream = fixture.stream().open(&subject.lease, &subject.migration).await;
    let stream = stream.expect("the primary answers");
    stream.prepare().await.expect("the table can be migrated");
    let position = stream.executed().await.expect("the primary answers");
    let insert = format!(
        "INSERT /*+ SET_VAR(cte_max_recursion_depth = {ROWS}) */ INTO {} (id, value) \
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS}) SELECT n + 1, n FROM n",
        source(&subject.migration)
    );
    fixture.suite.execute(&insert).await;
    let mut changes = stream.changes(&position).await.expect("the binlogs are there");
    let mut turns = Vec::new();
    let mut read = 0;
    while read < ROWS {
        let mut next = changes.next();
        let batch = std::future::poll_fn(|context| {
            let begun = Instant::now();
            let polled = next.as_mut().poll(context);
            turns.push(begun.elapsed());
            polled
        });
        let batch = batch.await.expect("the server sends it");
        read += batch.iter().map(|change| change.keys.len()).sum::<usize>();
    }
    let (all, longest) = (
        turns.iter().sum::<Duration>(),
        turns.iter().max().expect("it was asked"),
    );
    assert!(
        *longest < all / 3,
        "of {all:?} in {} turns, one took {longest:?}",
        turns.len()
    );
}

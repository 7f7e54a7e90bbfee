//! Tables with keys of every supported kind, written to by transactions of every shape before, during and after the copy.
//!
//! Each table has a writer that knows which rows exist, so that no statement of it may fail; the migrated table is compared
//! row by row with what MySQL's own ALTER makes of the source.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use mysql_async::{Conn, prelude::Queryable};
use outlast_testbed::{Cluster, TableName, Topology, eventually, expect_identical, native_copy};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::Value;
use tokio::{process::Child, task::JoinHandle};

use crate::{outlast, scene::PATIENCE};

/// Rows before anything is written; every other number is left free.
const ROWS: u64 = 1500;
/// Time between two transactions of a writer.
const PACE: Duration = Duration::from_millis(20);
/// How many transactions a writer does at least before the migration, and once everything is copied.
const SOME: u64 = 25;
/// What every migration does besides what it does to the key.
const CHANGES: &str = "ADD COLUMN extra INT NOT NULL DEFAULT 7, MODIFY note VARCHAR(80), RENAME COLUMN v TO w";

/// The `sql_mode` that servers have by default, in all that matters here.
const STRICT: &str = "--sql-mode=STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE";
/// One that lets dates be zero.
const PERMISSIVE: &str = "--sql-mode=";

/// A table with a key of some kind.
#[derive(Clone, Copy)]
struct Kind {
    /// The table's name.
    name: &'static str,
    /// The key's columns.
    columns: &'static [(&'static str, &'static str)],
    /// The key's values in row `{n}`, in SQL: another one for every n.
    values: &'static [&'static str],
    /// The key's definition.
    key: &'static str,
    /// An assignment after which the key is other bytes, and the same to the server.
    respell: Option<&'static str>,
    /// What the migration does to the key's columns.
    changes: &'static str,
}

/// A table with a primary key of one column `k`.
const fn single(
    name: &'static str,
    column: &'static [(&'static str, &'static str)],
    value: &'static [&'static str],
) -> Kind {
    Kind {
        name,
        columns: column,
        values: value,
        key: "PRIMARY KEY (k)",
        respell: None,
        changes: "",
    }
}

impl Kind {
    fn table(&self) -> TableName {
        TableName::new("test", self.name)
    }

    /// All that the migration does.
    fn all_changes(&self) -> String {
        match self.changes {
            "" => CHANGES.to_owned(),
            more => format!("{CHANGES}, {more}"),
        }
    }

    /// The condition for row `n`.
    fn is(&self, n: u64) -> String {
        let parts = self.columns.iter().zip(self.values(&n.to_string()));
        parts
            .map(|((name, _), value)| format!("{name} = {value}"))
            .collect::<Vec<_>>()
            .join(" AND ")
    }

    /// The assignment that gives a row the key of row `n`.
    fn becomes(&self, n: u64) -> String {
        let parts = self.columns.iter().zip(self.values(&n.to_string()));
        parts
            .map(|((name, _), value)| format!("{name} = {value}"))
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn values(&self, n: &str) -> Vec<String> {
        self.values
            .iter()
            .map(|value| format!("({})", value.replace("{n}", n)))
            .collect()
    }

    fn names(&self) -> String {
        self.columns
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(", ")
    }

    async fn create_and_fill(&self, conn: &mut Conn) -> Result<()> {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|(name, kind)| format!("{name} {kind} NOT NULL"))
            .collect();
        let table = self.table();
        let create = format!(
            "CREATE TABLE {table} (v BIGINT NOT NULL, {}, code VARCHAR(40), note VARCHAR(60), {}, UNIQUE KEY code (code))",
            columns.join(", "),
            self.key
        );
        conn.query_drop(&create).await.with_context(|| create.clone())?;
        conn.query_drop("SET SESSION cte_max_recursion_depth = 100000").await?;
        let fill = format!(
            "INSERT INTO {table} ({}, v, code, note) \
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 2 FROM numbers WHERE n + 2 <= {}) \
             SELECT {}, n, CONCAT('code-', n), 'filled' FROM numbers",
            self.names(),
            2 * ROWS,
            self.values("n").join(", ")
        );
        conn.query_drop(&fill).await.with_context(|| fill.clone())
    }
}

/// How a transaction is run, and how it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// `BEGIN … COMMIT`.
    Plain,
    /// `BEGIN … ROLLBACK`.
    TakenBack,
    /// The first change is undone by `ROLLBACK TO SAVEPOINT`.
    Savepoint,
    /// `XA COMMIT … ONE PHASE`.
    OnePhase,
    /// `XA PREPARE`; it ends some transactions later, by XA COMMIT or XA ROLLBACK.
    Prepared,
}

/// An XA transaction that waits for its end.
struct Pending {
    xid: String,
    /// The rows it has locked.
    rows: BTreeSet<u64>,
    /// Which rows exist if it is committed, among those.
    present: BTreeSet<u64>,
    transactions_left: u32,
}

/// Writes to one table, and knows which of its rows exist.
struct Writer {
    kind: Kind,
    conn: Conn,
    rng: StdRng,
    present: BTreeSet<u64>,
    pending: Option<Pending>,
    serial: u64,
    committed: Arc<AtomicU64>,
}

/// Changes that are to be made in one transaction.
#[derive(Default)]
struct Draft {
    statements: Vec<String>,
    /// Rows it touches.
    rows: BTreeSet<u64>,
    /// Which rows exist after it.
    present: BTreeSet<u64>,
}

impl Writer {
    async fn new(kind: Kind, mut conn: Conn, seed: u64) -> Result<Self> {
        conn.query_drop("SET SESSION transaction_isolation = 'READ-COMMITTED', innodb_lock_wait_timeout = 5")
            .await?;
        Ok(Self {
            kind,
            conn,
            rng: StdRng::seed_from_u64(seed),
            present: (1..=2 * ROWS).step_by(2).collect(),
            pending: None,
            serial: 0,
            committed: Arc::default(),
        })
    }

    /// Writes until told to stop; no XA transaction is left open.
    async fn run(mut self, stop: Arc<AtomicBool>) -> Result<()> {
        let mut pace = tokio::time::interval(PACE);
        while !stop.load(Ordering::SeqCst) {
            pace.tick().await;
            self.transaction()
                .await
                .with_context(|| format!("the writer of {}", self.kind.name))?;
            self.committed.fetch_add(1, Ordering::SeqCst);
        }
        self.end_pending().await
    }

    async fn transaction(&mut self) -> Result<()> {
        if let Some(pending) = &mut self.pending {
            match pending.transactions_left {
                0 => return self.end_pending().await,
                _ => pending.transactions_left -= 1,
            }
        }
        self.choose_logging().await?;
        let shape = match self.rng.random_range(0..10) {
            0 => Shape::TakenBack,
            1 => Shape::Savepoint,
            2 => Shape::OnePhase,
            3 if self.pending.is_none() => Shape::Prepared,
            _ => Shape::Plain,
        };
        let mut draft = Draft {
            present: self.present.clone(),
            ..Draft::default()
        };
        let changes = self.rng.random_range(1..=4);
        let mut savepoint = None;
        for nth in 0..changes {
            if shape == Shape::Savepoint && nth == 0 {
                draft.statements.push("SAVEPOINT before_it".to_owned());
                let before = draft.present.clone();
                self.change(&mut draft);
                draft.statements.push("ROLLBACK TO SAVEPOINT before_it".to_owned());
                savepoint = Some(before);
            } else {
                self.change(&mut draft);
            }
            if let Some(before) = savepoint.take() {
                draft.present = before;
            }
        }
        self.serial += 1;
        let xid = format!("'{}','branch-{}',{}", self.kind.name, self.serial, 1 + self.serial % 3);
        let (begin, end): (String, Vec<String>) = match shape {
            Shape::Plain | Shape::Savepoint => ("BEGIN".to_owned(), vec!["COMMIT".to_owned()]),
            Shape::TakenBack => ("BEGIN".to_owned(), vec!["ROLLBACK".to_owned()]),
            Shape::OnePhase => (
                format!("XA START {xid}"),
                vec![format!("XA END {xid}"), format!("XA COMMIT {xid} ONE PHASE")],
            ),
            Shape::Prepared => (
                format!("XA START {xid}"),
                vec![format!("XA END {xid}"), format!("XA PREPARE {xid}")],
            ),
        };
        for sql in [begin].iter().chain(&draft.statements).chain(&end) {
            self.conn.query_drop(sql).await.with_context(|| sql.clone())?;
        }
        match shape {
            Shape::TakenBack => {}
            Shape::Prepared => {
                let present = draft.rows.intersection(&draft.present).copied().collect();
                let transactions_left = self.rng.random_range(0..15);
                self.pending = Some(Pending {
                    xid,
                    rows: draft.rows,
                    present,
                    transactions_left,
                });
            }
            _ => self.present = draft.present,
        }
        Ok(())
    }

    /// How the next transaction is logged.
    async fn choose_logging(&mut self) -> Result<()> {
        let compression = if self.rng.random_bool(0.3) { "ON" } else { "OFF" };
        let has_primary_key = self.kind.key.starts_with("PRIMARY");
        let image = match self.rng.random_range(0..4) {
            0 if has_primary_key => "MINIMAL",
            1 if has_primary_key => "NOBLOB",
            _ => "FULL",
        };
        let sql = format!("SET SESSION binlog_transaction_compression = {compression}, binlog_row_image = {image}");
        self.conn.query_drop(sql).await.context("choosing how to log")
    }

    async fn end_pending(&mut self) -> Result<()> {
        let Some(pending) = self.pending.take() else {
            return Ok(());
        };
        if self.rng.random_bool(0.7) {
            self.conn
                .query_drop(format!("XA COMMIT {}", pending.xid))
                .await
                .context("XA COMMIT")?;
            self.present = self
                .present
                .difference(&pending.rows)
                .chain(&pending.present)
                .copied()
                .collect();
        } else {
            self.conn
                .query_drop(format!("XA ROLLBACK {}", pending.xid))
                .await
                .context("XA ROLLBACK")?;
        }
        Ok(())
    }

    /// A row that exists (or does not), that no prepared transaction has locked.
    fn pick(&mut self, draft: &mut Draft, exists: bool) -> u64 {
        loop {
            let n = self.rng.random_range(1..=2 * ROWS);
            let is_locked = self.pending.as_ref().is_some_and(|pending| pending.rows.contains(&n));
            if !is_locked && draft.present.contains(&n) == exists {
                draft.rows.insert(n);
                return n;
            }
        }
    }

    /// Adds one change to the transaction.
    fn change(&mut self, draft: &mut Draft) {
        let (kind, table) = (self.kind, self.kind.table());
        self.serial += 1;
        let serial = self.serial;
        let insert = |n: u64| {
            let values = kind.values(&n.to_string()).join(", ");
            format!(
                "INSERT INTO {table} ({}, v, code, note) VALUES ({values}, {serial}, 'new-{serial}', 'inserted')",
                kind.names()
            )
        };
        let update = |n: u64, assignment: &str| format!("UPDATE {table} SET {assignment} WHERE {}", kind.is(n));
        let delete = |n: u64| format!("DELETE FROM {table} WHERE {}", kind.is(n));
        match self.rng.random_range(0..9) {
            0 | 1 => {
                let n = self.pick(draft, false);
                draft.statements.push(insert(n));
                draft.present.insert(n);
            }
            2 | 3 => {
                let n = self.pick(draft, true);
                draft
                    .statements
                    .push(update(n, &format!("v = v + {serial}, note = 'updated {serial}'")));
            }
            4 => {
                let (from, to) = (self.pick(draft, true), self.pick(draft, false));
                draft
                    .statements
                    .push(update(from, &format!("{}, note = 'moved'", kind.becomes(to))));
                draft.present.remove(&from);
                draft.present.insert(to);
            }
            5 => {
                let n = self.pick(draft, true);
                draft.statements.push(delete(n));
                draft.present.remove(&n);
            }
            6 => {
                let n = self.pick(draft, true);
                draft.statements.extend([delete(n), insert(n)]);
            }
            7 => {
                let respell = kind.respell.unwrap_or("note = 'respelled'");
                let n = self.pick(draft, true);
                draft.statements.push(update(n, respell));
            }
            // Two rows swap their keys and their unique values.
            _ => {
                let (a, b, free) = (self.pick(draft, true), self.pick(draft, true), self.pick(draft, false));
                if a == b {
                    return;
                }
                let code = |n: u64, into: &str| format!("SELECT code INTO @{into} FROM {table} WHERE {}", kind.is(n));
                draft.statements.extend([
                    code(a, "a"),
                    code(b, "b"),
                    update(a, &format!("{}, code = NULL", kind.becomes(free))),
                    update(b, &format!("{}, code = @a", kind.becomes(a))),
                    update(free, &format!("{}, code = @b", kind.becomes(b))),
                ]);
            }
        }
    }
}

/// A writer at work.
struct Writing {
    table: &'static str,
    committed: Arc<AtomicU64>,
    task: JoinHandle<Result<()>>,
}

/// The migration of one table.
struct Migration<'a> {
    kind: Kind,
    id: String,
    servers: &'a [String],
}

impl<'a> Migration<'a> {
    /// Submits it with a slow copy, and postponed.
    async fn submit(kind: Kind, servers: &'a [String]) -> Result<Self> {
        let statement = format!("ALTER TABLE {} {}", kind.table(), kind.all_changes());
        let submit = [
            "submit",
            &statement,
            "--postpone-completion",
            "--chunk-rows",
            "100",
            "--chunk-pause",
            "150ms",
        ];
        let id = outlast::succeed(servers, &submit).await?.trim().to_owned();
        Ok(Self { kind, id, servers })
    }

    /// Waits until its status is such; one that failed will not be.
    async fn wait_for(&self, what: &str, condition: impl Fn(&Value) -> bool) -> Result<()> {
        let status = eventually(&format!("{what} of {}", self.kind.name), PATIENCE, || async {
            let status = outlast::json(self.servers, &["status", &self.id, "--format", "json"]).await?;
            ensure!(condition(&status) || status["status"] == "failed", "{status}");
            Ok(status)
        })
        .await?;
        if !condition(&status) {
            bail!("the migration of {} failed: {}", self.kind.name, status["message"]);
        }
        Ok(())
    }

    async fn wait_until_ready(&self) -> Result<()> {
        self.wait_for("readiness", |status| status["phase"] == "ready").await
    }

    fn expected(&self) -> TableName {
        TableName::new("test", format!("{}_expected", self.kind.name))
    }

    /// Makes the expected table of the source, which nobody writes to any more, and lets the migration complete.
    async fn complete(&self, conn: &mut Conn) -> Result<()> {
        native_copy(conn, &self.kind.table(), &self.expected(), &self.kind.all_changes()).await?;
        outlast::succeed(self.servers, &["complete", &self.id]).await?;
        Ok(())
    }

    /// Waits for completion, and compares.
    async fn expect_exact(&self, conn: &mut Conn) -> Result<()> {
        self.wait_for("completion", |status| status["status"] == "complete")
            .await?;
        expect_identical(conn, &self.expected(), &self.kind.table()).await
    }
}

/// An agent that logs into a directory of this name below `target/e2e`.
fn start_agent(servers: &[String], name: &str) -> Result<Child> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../target/e2e")
        .join(name);
    std::fs::create_dir_all(&directory)?;
    println!("the agent logs into {}", directory.display());
    outlast::agent(servers, "agent", directory.join("agent.log"), &[])
}

/// Migrates tables with these keys at the same time, under writes, on a server with this option.
async fn migrate_exactly(name: &str, mysqld: &str, kinds: &[Kind]) -> Result<()> {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let cluster = Cluster::builder(Topology::Single).argument(mysqld).start().await?;
    let node = cluster.primary();
    let servers = cluster.addresses();
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for (kind, salt) in kinds.iter().zip(0..) {
        kind.create_and_fill(&mut node.connect().await?).await?;
        let writer = Writer::new(*kind, node.connect().await?, seed.wrapping_add(salt)).await?;
        writers.push(Writing {
            table: kind.name,
            committed: Arc::clone(&writer.committed),
            task: tokio::spawn(writer.run(Arc::clone(&stop))),
        });
    }
    wait_for_transactions(&writers, SOME).await?;

    let _agent = start_agent(&servers, name)?;
    let mut migrations = Vec::new();
    for kind in kinds {
        migrations.push(Migration::submit(*kind, &servers).await?);
    }
    let before: Vec<u64> = writers
        .iter()
        .map(|writer| writer.committed.load(Ordering::SeqCst))
        .collect();
    for migration in &migrations {
        migration.wait_until_ready().await?;
    }
    for (writer, before) in writers.iter().zip(before) {
        let during = writer.committed.load(Ordering::SeqCst) - before;
        ensure!(
            during >= SOME,
            "{}: only {during} transactions during the copy",
            writer.table
        );
    }
    wait_for_transactions(&writers, SOME).await?;
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.task.await?.with_context(|| format!("seed {seed}"))?;
    }

    let mut conn = node.connect().await?;
    for migration in &migrations {
        migration.complete(&mut conn).await?;
    }
    let mut complaints = Vec::new();
    for migration in &migrations {
        if let Err(difference) = migration.expect_exact(&mut conn).await {
            complaints.push(format!("{}: {difference:#}", migration.kind.name));
        }
    }
    ensure!(complaints.is_empty(), "seed {seed}:\n{}", complaints.join("\n"));
    Ok(())
}

/// Waits until every writer has done so many more transactions.
async fn wait_for_transactions(writers: &[Writing], more: u64) -> Result<()> {
    for writer in writers {
        let goal = writer.committed.load(Ordering::SeqCst) + more;
        eventually(
            &format!("{more} transactions on {}", writer.table),
            PATIENCE,
            || async {
                let now = writer.committed.load(Ordering::SeqCst);
                let state = if writer.task.is_finished() {
                    "has failed"
                } else {
                    "goes on"
                };
                ensure!(now >= goal, "{now} of {goal}; the writer {state}");
                Ok(())
            },
        )
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_transaction_of_20_000_rows_is_followed_exactly() -> Result<()> {
    let kind = single("many_rows", &[("k", "INT")], &["{n}"]);
    let cluster = Cluster::builder(Topology::Single).argument(STRICT).start().await?;
    let node = cluster.primary();
    let servers = cluster.addresses();
    let mut conn = node.connect().await?;
    kind.create_and_fill(&mut conn).await?;
    let _agent = start_agent(&servers, "many_rows")?;
    let migration = Migration::submit(kind, &servers).await?;
    let chunks = format!(
        "SELECT COUNT(*) FROM _outlast.copied_ranges WHERE migration = '{}'",
        migration.id
    );
    eventually("copied chunks", PATIENCE, || async {
        let copied: u64 = node.query_one(&chunks).await?;
        ensure!(copied >= 2, "{copied}");
        Ok(())
    })
    .await?;
    // Below all rows, hence in the first range, which is copied.
    for sql in [
        "INSERT INTO test.many_rows (k, v, code) WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers \
         WHERE n < 20000) SELECT -n, n, CONCAT('many-', n) FROM numbers",
        "UPDATE test.many_rows SET v = v + 1, note = 'all' WHERE k < 0",
        "BEGIN",
        "DELETE FROM test.many_rows WHERE k < 0 AND k MOD 2 = 0",
        "UPDATE test.many_rows SET k = k - 100000 WHERE k < 0",
        "UPDATE test.many_rows SET v = -v",
        "COMMIT",
    ] {
        conn.query_drop(sql).await.with_context(|| sql.to_owned())?;
    }
    migration.wait_until_ready().await?;
    migration.complete(&mut conn).await?;
    migration.expect_exact(&mut conn).await
}

#[tokio::test]
async fn tables_with_any_kind_of_number_as_key_are_migrated_exactly() -> Result<()> {
    migrate_exactly(
        "key_numbers",
        STRICT,
        &[
            single(
                "unsigned_above_2_63",
                &[("k", "BIGINT UNSIGNED")],
                &["18446744073709551615 - {n} * 3"],
            ),
            single(
                "unsigned_around_2_63",
                &[("k", "BIGINT UNSIGNED")],
                &["CAST(9223372036854774307 AS UNSIGNED) + {n}"],
            ),
            Kind {
                changes: "MODIFY k BIGINT NOT NULL",
                ..single("negative_int", &[("k", "INT")], &["{n} * 5 - 7500"])
            },
            single("mediumint", &[("k", "MEDIUMINT")], &["1500 - {n}"]),
            Kind {
                name: "tinyint_and_smallint",
                columns: &[("a", "TINYINT UNSIGNED"), ("b", "SMALLINT")],
                values: &["255 - {n} MOD 200", "{n} * 7 - 10000"],
                key: "PRIMARY KEY (a, b)",
                respell: None,
                changes: "RENAME COLUMN a TO b, RENAME COLUMN b TO a",
            },
            single(
                "negative_decimal",
                &[("k", "DECIMAL(20,4)")],
                &["({n} - 1500) * 1.2345"],
            ),
            single(
                "long_decimal",
                &[("k", "DECIMAL(65,30)")],
                &["({n} - 1500) * 12345678901234567890.123456789"],
            ),
            Kind {
                name: "descending_parts",
                columns: &[("a", "INT"), ("b", "BIGINT")],
                values: &["{n} MOD 7 - 3", "{n} * -11"],
                key: "PRIMARY KEY (a DESC, b)",
                respell: None,
                changes: "CHANGE a renamed INT NOT NULL",
            },
            Kind {
                name: "year_and_int",
                columns: &[("a", "YEAR"), ("b", "INT")],
                values: &["IF({n} MOD 50 = 0, 0, 1901 + {n} MOD 250)", "{n}"],
                key: "PRIMARY KEY (a, b)",
                respell: None,
                changes: "",
            },
            Kind {
                name: "unique_without_primary",
                columns: &[("k", "INT UNSIGNED")],
                values: &["{n} * 1000003"],
                key: "UNIQUE KEY k (k)",
                respell: None,
                changes: "ADD PRIMARY KEY (k)",
            },
        ],
    )
    .await
}

#[tokio::test]
async fn tables_with_any_kind_of_text_as_key_are_migrated_exactly() -> Result<()> {
    const TOGGLE_CASE: &str = "k = IF(BINARY k = BINARY LOWER(k), UPPER(k), LOWER(k))";
    const TOGGLE_PADDING: &str = "k = IF(k LIKE '% ', RTRIM(k), CONCAT(UPPER(k), '  '))";
    migrate_exactly(
        "key_texts",
        STRICT,
        &[
            Kind {
                name: "int_and_ai_ci",
                columns: &[
                    ("a", "INT"),
                    ("b", "VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci"),
                ],
                values: &[
                    "{n} MOD 3",
                    "CONCAT(ELT(1 + {n} MOD 6, 'a', 'É', 'straße ', 'Z', 'ñ', '日本'), {n}, REPEAT(' ', {n} MOD 3))",
                ],
                key: "PRIMARY KEY (a, b)",
                respell: Some("b = IF(BINARY b = BINARY UPPER(b), REPLACE(LOWER(b), 'é', 'e'), UPPER(b))"),
                changes: "CHANGE b renamed VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NOT NULL",
            },
            Kind {
                respell: Some(TOGGLE_PADDING),
                ..single(
                    "latin1_padded",
                    &[("k", "VARCHAR(30) CHARACTER SET latin1 COLLATE latin1_swedish_ci")],
                    &["CONCAT(ELT(1 + {n} MOD 4, 'a', 'Å', 'o', 'ü'), {n})"],
                )
            },
            Kind {
                respell: Some("k = IF(k LIKE '% ', RTRIM(k), CONCAT(k, ' '))"),
                ..single(
                    "utf8mb4_bin",
                    &[("k", "VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")],
                    &["CONCAT(ELT(1 + {n} MOD 2, 'a', 'A'), {n} DIV 2)"],
                )
            },
            single(
                "as_cs",
                &[("k", "VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs")],
                &["CONCAT(ELT(1 + {n} MOD 4, 'a', 'A', 'á', 'Á'), {n} DIV 4)"],
            ),
            Kind {
                respell: Some(TOGGLE_CASE),
                ..single(
                    "fixed_char",
                    &[("k", "CHAR(24) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")],
                    &["CONCAT('Ключ ', {n})"],
                )
            },
            Kind {
                respell: Some(TOGGLE_CASE),
                ..single(
                    "utf16",
                    &[("k", "VARCHAR(20) CHARACTER SET utf16 COLLATE utf16_general_ci")],
                    &["CONCAT('ж', {n})"],
                )
            },
            single(
                "cp932",
                &[("k", "VARCHAR(20) CHARACTER SET cp932 COLLATE cp932_bin")],
                &["CONCAT('ソ表', {n}, '能')"],
            ),
            Kind {
                respell: Some(TOGGLE_CASE),
                ..single(
                    "long_text",
                    &[("k", "VARCHAR(700) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci")],
                    &["CONCAT(REPEAT('lang', 50 + {n} MOD 40), {n})"],
                )
            },
            single(
                "varbinary",
                &[("k", "VARBINARY(20)")],
                &["CONCAT(UNHEX(LPAD(HEX({n}), 8, '0')), REPEAT(UNHEX('00'), {n} MOD 3))"],
            ),
            single(
                "fixed_binary",
                &[("k", "BINARY(8)")],
                &["UNHEX(RPAD(LPAD(HEX({n}), 4, '0'), 16, '0'))"],
            ),
        ],
    )
    .await
}

#[tokio::test]
async fn tables_with_any_kind_of_time_as_key_are_migrated_exactly() -> Result<()> {
    migrate_exactly(
        "key_times",
        PERMISSIVE,
        &[
            single(
                "days",
                &[("k", "DATE")],
                &["DATE_ADD('1000-01-01', INTERVAL {n} * 37 DAY)"],
            ),
            single(
                "datetimes",
                &[("k", "DATETIME")],
                &["DATE_ADD('2024-02-28 22:00:00', INTERVAL {n} * 7 SECOND)"],
            ),
            single(
                "datetimes_6",
                &[("k", "DATETIME(6)")],
                &["DATE_ADD('1969-12-31', INTERVAL {n} * 1000003 MICROSECOND)"],
            ),
            single(
                "timestamps",
                &[("k", "TIMESTAMP")],
                &["FROM_UNIXTIME(2000000000 + {n})"],
            ),
            single(
                "timestamps_3",
                &[("k", "TIMESTAMP(3)")],
                &["FROM_UNIXTIME(1000000000 + {n} * 0.137)"],
            ),
            Kind {
                name: "zero_timestamps",
                columns: &[("a", "TIMESTAMP(2)"), ("b", "INT")],
                values: &[
                    "IF({n} MOD 5 = 0, '0000-00-00', FROM_UNIXTIME(1500000000 + {n} MOD 7))",
                    "{n}",
                ],
                key: "PRIMARY KEY (a, b)",
                respell: None,
                changes: "",
            },
            Kind {
                name: "zero_days",
                columns: &[("a", "DATE"), ("b", "INT")],
                values: &[
                    "ELT(1 + {n} MOD 5, '0000-00-00', '2024-00-15', '2024-02-00', '2024-02-28', '2024-02-29')",
                    "{n}",
                ],
                key: "PRIMARY KEY (a, b)",
                respell: None,
                changes: "",
            },
            single("negative_times", &[("k", "TIME")], &["SEC_TO_TIME(({n} - 1500) * 61)"]),
            single(
                "negative_times_2",
                &[("k", "TIME(2)")],
                &["SEC_TO_TIME(({n} - 1500) * 0.37)"],
            ),
            single(
                "negative_times_6",
                &[("k", "TIME(6)")],
                &["SEC_TO_TIME(({n} - 1500) * 123.456789)"],
            ),
        ],
    )
    .await
}

//! Tables with keys of every supported kind, written to by transactions of every shape before, during and after the copy.
//!
//! Each table has a writer that knows which rows exist, so that no statement of it may fail; the migrated table is compared
//! row by row with what MySQL's own ALTER makes of the source.

mod kind;
mod writer;

use std::{
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
use serde_json::Value;
use tokio::{process::Child, task::JoinHandle};

use self::{
    kind::{Kind, single},
    writer::Writer,
};
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
            "--no-instant",
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

//! Changes that people make every day, and single changes that come while a migration is ready: each on its own, so that
//! every statement for one row is tried as well as those for many.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use outlast_testbed::{Cluster, TableName, Topology, eventually, expect_identical, native_copy};

use crate::{outlast, scene::PATIENCE};

/// A table, what is done to it, and what the application does meanwhile.
struct Case {
    name: &'static str,
    create: &'static [&'static str],
    changes: &'static str,
    meanwhile: &'static [&'static str],
}

const CASES: [Case; 4] = [
    Case {
        name: "time_in_key",
        create: &[
            "CREATE TABLE test.t (i INT, t TIME, v INT, PRIMARY KEY (i, t))",
            "INSERT INTO test.t VALUES (1, '00:10:25', 1), (2, '-00:10:26', 1), (3, '00:10:27', 1)",
        ],
        changes: "ADD COLUMN x INT",
        meanwhile: &[
            "UPDATE test.t SET v = 99 WHERE i = 1",
            "DELETE FROM test.t WHERE i = 2",
            "INSERT INTO test.t VALUES (4, '11:11:11', 4)",
        ],
    },
    Case {
        name: "datetime_in_key",
        create: &[
            "CREATE TABLE test.t (i INT, a DATE, b DATETIME(3), c TIMESTAMP(2), d DECIMAL(8, 3), v INT, \
             PRIMARY KEY (i, a, b, c, d))",
            "INSERT INTO test.t VALUES (1, '2024-02-29', '2024-02-29 01:02:03.4', '2024-02-29 01:02:03.4', 1.5, 1), \
             (2, '2024-03-01', '2024-03-01 00:00:00', '2024-03-01 00:00:00', -1.5, 1)",
        ],
        changes: "ADD COLUMN x INT",
        meanwhile: &["UPDATE test.t SET v = 99 WHERE i = 1", "DELETE FROM test.t WHERE i = 2"],
    },
    Case {
        name: "added_not_null",
        create: &[
            "CREATE TABLE test.t (id INT PRIMARY KEY, v INT)",
            "INSERT INTO test.t VALUES (1, 1), (2, 2)",
        ],
        changes: "ADD a INT NOT NULL, ADD b VARCHAR(5) NOT NULL, ADD c TEXT NOT NULL, ADD d ENUM('x', 'y') NOT NULL, \
                  ADD e SET('x', 'y') NOT NULL, ADD f JSON NOT NULL, ADD g DECIMAL(5, 2) NOT NULL, ADD h VARBINARY(4) NOT NULL, \
                  ADD i TIME NOT NULL, ADD j BIT(3) NOT NULL, ADD k DOUBLE NOT NULL, ADD l BLOB NOT NULL, ADD m YEAR NOT NULL",
        meanwhile: &[
            "UPDATE test.t SET v = 3 WHERE id = 1",
            "INSERT INTO test.t (id, v) VALUES (3, 3)",
        ],
    },
    Case {
        name: "shifted_unique_values",
        create: &[
            "SET SESSION cte_max_recursion_depth = 10000",
            "CREATE TABLE test.t (id INT PRIMARY KEY, v INT UNIQUE)",
            "INSERT INTO test.t WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000) SELECT n, n FROM n",
        ],
        changes: "ADD COLUMN x INT",
        meanwhile: &["UPDATE test.t SET v = v + 1 ORDER BY v DESC"],
    },
];

#[tokio::test]
async fn ordinary_changes_give_what_a_native_alter_gives() -> Result<()> {
    let cluster = Cluster::start(Topology::Single).await?;
    let servers = cluster.addresses();
    let logs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/e2e/ordinary_alters");
    std::fs::create_dir_all(&logs)?;
    let _agent = outlast::agent(&servers, "agent-0", logs.join("agent-0.log"), &[])?;
    for case in &CASES {
        migrate(&cluster, &servers, case)
            .await
            .with_context(|| format!("case {}", case.name))?;
    }
    Ok(())
}

async fn migrate(cluster: &Cluster, servers: &[String], case: &Case) -> Result<()> {
    use mysql_async::prelude::Queryable;
    let mut conn = cluster.primary().connect().await?;
    for sql in ["DROP TABLE IF EXISTS test.t", "DROP TABLE IF EXISTS test.expected"]
        .iter()
        .chain(case.create)
    {
        conn.query_drop(*sql).await.with_context(|| (*sql).to_owned())?;
    }
    let statement = format!("ALTER TABLE test.t {}", case.changes);
    let submitted = outlast::json(
        servers,
        &[
            "submit",
            &statement,
            "--no-instant",
            "--postpone-completion",
            "--format",
            "json",
        ],
    )
    .await?;
    let id = submitted["migration"].as_str().context("no id")?.to_owned();
    let status = async |what: &str, field: &str| {
        eventually(what, PATIENCE, || async {
            let status = outlast::json(servers, &["status", &id, "--format", "json"]).await?;
            ensure!(status["status"] != "failed", "it failed: {}", status["message"]);
            ensure!(status[field] == what, "{status}");
            Ok(())
        })
        .await
    };
    status("ready", "phase").await?;
    for sql in case.meanwhile {
        conn.query_drop(*sql).await.with_context(|| (*sql).to_owned())?;
        // Each change is applied alone, before the next one comes.
        let changed = cluster.primary().gtid_executed().await?;
        let sql = format!("SELECT GTID_SUBSET('{changed}', position) FROM _outlast.positions WHERE migration = '{id}'");
        eventually("the change is applied", PATIENCE, || async {
            let applied: u64 = cluster.primary().query_one(&sql).await?;
            ensure!(applied == 1, "the position is older");
            Ok(())
        })
        .await?;
    }
    let (table, expected) = (TableName::new("test", "t"), TableName::new("test", "expected"));
    native_copy(&mut conn, &table, &expected, case.changes).await?;
    outlast::succeed(servers, &["complete", &id]).await?;
    status("complete", "status").await?;
    expect_identical(&mut conn, &expected, &table).await
}

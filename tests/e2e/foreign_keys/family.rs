//! A table with parents, the same once more for MySQL's own ALTER, and an application that writes both in one transaction.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use mysql_async::{Conn, prelude::Queryable};
use outlast_testbed::{Cluster, TableName, accounts, compare, eventually};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::Value;
use tokio::{process::Child, task::JoinHandle};

use crate::{outlast, scene::PATIENCE};

/// The schema that is migrated, and the one that MySQL alters. Each has a second one for the parent that lives elsewhere.
const SCHEMAS: [&str; 2] = ["family", "native"];

/// Makes the tables of a schema. All kinds of keys: named by MySQL and by people, to this and to another schema, to a unique
/// key, to itself, one that the statement drops; supporting indexes made by MySQL and by hand.
const CREATE: [&str; 5] = [
    "CREATE TABLE {s}.parents (id INT PRIMARY KEY, code INT NOT NULL UNIQUE, v INT NOT NULL DEFAULT 0)",
    "CREATE TABLE {s}_other.owners (id INT PRIMARY KEY)",
    "USE {s}",
    "CREATE TABLE {s}.t (id INT PRIMARY KEY, parent INT, owner INT, code INT, above INT, goes INT, v INT NOT NULL, \
     KEY by_hand (goes, v), \
     FOREIGN KEY (parent) REFERENCES parents (id), \
     CONSTRAINT a_name FOREIGN KEY (owner) REFERENCES {s}_other.owners (id) ON DELETE CASCADE ON UPDATE CASCADE, \
     FOREIGN KEY (code) REFERENCES parents (code) ON DELETE SET NULL ON UPDATE SET NULL, \
     CONSTRAINT tree FOREIGN KEY (above) REFERENCES t (id) ON DELETE SET NULL, \
     CONSTRAINT goes FOREIGN KEY (goes) REFERENCES parents (id))",
    "SET SESSION cte_max_recursion_depth = 100000",
];

/// Index `parent`, which MySQL made for its foreign key, makes way for `by_parent`; `by_hand` would stay in any case.
pub(crate) const CHANGES: &str = "ADD COLUMN note VARCHAR(20) NOT NULL DEFAULT 'x', ADD INDEX by_parent (parent, v), \
     ADD INDEX by_goes (goes, v, id), RENAME COLUMN above TO up, DROP FOREIGN KEY goes";

/// A cluster with a family of tables, and what works on it.
pub(crate) struct Family {
    pub(crate) cluster: Cluster,
    pub(crate) id: String,
    rows: u64,
    logs: PathBuf,
    agents: Vec<Child>,
}

impl Family {
    /// Makes the tables, with this many rows in each, and starts an agent.
    pub(crate) async fn start(name: &str, cluster: Cluster, rows: u64) -> Result<Self> {
        let mut conn = cluster.primary().connect().await?;
        for schema in SCHEMAS {
            conn.query_drop(format!("CREATE DATABASE {schema}")).await?;
            conn.query_drop(format!("CREATE DATABASE {schema}_other")).await?;
            for pattern in [schema, &format!("{schema}\\_other")] {
                conn.query_drop(accounts::grant_on(pattern, accounts::OUTLAST_USER))
                    .await?;
            }
            for sql in CREATE {
                conn.query_drop(sql.replace("{s}", schema)).await?;
            }
            let numbers =
                format!("WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {rows}) SELECT");
            for (table, values) in [
                ("parents", "n, n, 0"),
                ("t", "n, n, n, n, IF(n % 2, NULL, n - 1), n, n % 7"),
            ] {
                if table == "t" {
                    let sql = format!("INSERT INTO {schema}_other.owners {numbers} n FROM n");
                    conn.query_drop(sql).await?;
                }
                let sql = format!("INSERT INTO {schema}.{table} {numbers} {values} FROM n");
                conn.query_drop(sql).await?;
            }
        }
        let logs = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../target/e2e")
            .join(name);
        std::fs::create_dir_all(&logs)?;
        let mut family = Self {
            cluster,
            id: String::new(),
            rows,
            logs,
            agents: Vec::new(),
        };
        family.start_agent()?;
        Ok(family)
    }

    pub(crate) fn start_agent(&mut self) -> Result<()> {
        let name = format!("agent-{}", self.agents.len());
        let log = self.logs.join(format!("{name}.log"));
        self.agents.push(outlast::agent(&self.servers(), &name, log, &[])?);
        Ok(())
    }

    /// Ends the newest agent as `kill -9` does.
    pub(crate) async fn kill_agent(&mut self) -> Result<()> {
        let agent = self.agents.last_mut().context("no agent")?;
        agent.kill().await.context("killing an agent")
    }

    pub(crate) fn servers(&self) -> Vec<String> {
        self.cluster.addresses()
    }

    /// Submits the migration, postponed.
    pub(crate) async fn submit(&mut self, extra: &[&str]) -> Result<()> {
        let statement = format!("ALTER TABLE {}.t {CHANGES}", SCHEMAS[0]);
        let mut arguments = vec!["submit", &statement, "--postpone-completion", "--format", "json"];
        arguments.extend(extra);
        let submitted = outlast::json(&self.servers(), &arguments).await?;
        self.id = submitted["migration"].as_str().context("no id")?.to_owned();
        Ok(())
    }

    pub(crate) async fn status(&self) -> Result<Value> {
        outlast::json(&self.servers(), &["status", &self.id, "--format", "json"]).await
    }

    pub(crate) async fn wait_for(&self, what: &str, condition: impl Fn(&Value) -> bool) -> Result<Value> {
        eventually(what, PATIENCE, || async {
            let status = self.status().await?;
            ensure!(condition(&status), "{status}");
            Ok(status)
        })
        .await
    }

    pub(crate) async fn wait_for_phase(&self, phase: &str) -> Result<()> {
        self.wait_for(phase, |s| s["phase"] == phase && s["status"] == "running")
            .await
            .map(|_| ())
    }

    pub(crate) async fn wait_for_copied(&self, rows: u64) -> Result<()> {
        self.wait_for("rows to be copied", |s| s["rows_copied"].as_u64() >= Some(rows))
            .await
            .map(|_| ())
    }

    pub(crate) async fn ask_to_complete(&self) -> Result<()> {
        outlast::succeed(&self.servers(), &["complete", &self.id])
            .await
            .map(|_| ())
    }

    pub(crate) async fn expect_complete(&self) -> Result<()> {
        let status = self.wait_for("completion", |s| s["status"] != "running").await?;
        ensure!(status["status"] == "complete", "it ended otherwise: {status}");
        Ok(())
    }

    pub(crate) fn shadow_schema(&self) -> String {
        format!("_outlast_new_{}", self.id)
    }

    pub(crate) fn retired_schema(&self) -> String {
        format!("_outlast_old_{}", self.id)
    }

    /// The names of the foreign keys of a schema's table `t`.
    pub(crate) async fn keys_of(&self, schema: &str) -> Result<Vec<String>> {
        let sql = format!(
            "SELECT CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS \
             WHERE TABLE_SCHEMA = '{schema}' AND TABLE_NAME = 't' AND CONSTRAINT_TYPE = 'FOREIGN KEY' ORDER BY 1"
        );
        self.cluster.primary().query(&sql).await
    }

    /// Runs the statement on the other schema's table, and compares: definitions to the byte, and all rows. The retired table
    /// must be there, without foreign keys.
    pub(crate) async fn expect_native_result(&self) -> Result<()> {
        let mut conn = self.cluster.primary().connect().await?;
        let [ours, native] = SCHEMAS;
        conn.query_drop(format!("ALTER TABLE {native}.t {CHANGES}")).await?;
        let expected = create_of(&mut conn, native)
            .await?
            .replace("`native_other`", "`family_other`");
        let found = create_of(&mut conn, ours).await?;
        ensure!(found == expected, "expected:\n{expected}\nfound:\n{found}");
        for table in ["t", "parents"] {
            let (left, right) = (TableName::new(native, table), TableName::new(ours, table));
            compare(&mut conn, &left, &right).await?.expect_same()?;
        }
        let retired = self.keys_of(&self.retired_schema()).await?;
        ensure!(
            retired.is_empty(),
            "the retired table still has foreign keys: {retired:?}"
        );
        let tables: Vec<String> = conn
            .query("SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.TABLES WHERE TABLE_SCHEMA LIKE '\\_outlast\\_%'")
            .await?;
        ensure!(
            tables == [format!("{}.t", self.retired_schema())],
            "left are {tables:?}"
        );
        Ok(())
    }

    /// Starts the application.
    pub(crate) async fn start_application(&self) -> Result<Application> {
        let progress = Arc::new(Progress::default());
        let mut workers = Vec::new();
        for worker in 0..2 {
            let conn = self.cluster.primary().connect().await?;
            let progress = Arc::clone(&progress);
            let base = self.rows;
            workers.push(tokio::spawn(work(conn, worker, base, progress)));
        }
        Ok(Application { progress, workers })
    }
}

async fn create_of(conn: &mut Conn, schema: &str) -> Result<String> {
    let row: Option<(String, String)> = conn.query_first(format!("SHOW CREATE TABLE {schema}.t")).await?;
    Ok(row.context("no table")?.1)
}

/// What the application has done so far.
#[derive(Default)]
pub(crate) struct Progress {
    transactions: AtomicU64,
    deadlocks: AtomicU64,
    longest_ms: AtomicU64,
    stop: AtomicBool,
}

/// Sessions that insert, update and delete parents and rows.
pub(crate) struct Application {
    progress: Arc<Progress>,
    workers: Vec<JoinHandle<Result<()>>>,
}

impl Application {
    /// Waits until this many more transactions have been committed.
    pub(crate) async fn goes_on(&self, transactions: u64) -> Result<()> {
        let goal = self.progress.transactions.load(Ordering::Relaxed) + transactions;
        eventually("the application to go on", PATIENCE, || async {
            let now = self.progress.transactions.load(Ordering::Relaxed);
            ensure!(now >= goal, "{now} of {goal} transactions");
            Ok(())
        })
        .await
    }

    /// The longest transaction since the last call, its retries after deadlocks included.
    pub(crate) fn longest(&self) -> Duration {
        Duration::from_millis(self.progress.longest_ms.swap(0, Ordering::Relaxed))
    }

    /// How many transactions were chosen as victims of a deadlock, and done again.
    pub(crate) fn deadlocks(&self) -> u64 {
        self.progress.deadlocks.load(Ordering::Relaxed)
    }

    /// Stops it. None of its statements may have failed, but by a deadlock.
    pub(crate) async fn stop(self) -> Result<()> {
        self.progress.stop.store(true, Ordering::Relaxed);
        for worker in self.workers {
            worker.await??;
        }
        Ok(())
    }
}

async fn work(mut conn: Conn, worker: u64, base: u64, progress: Arc<Progress>) -> Result<()> {
    let seed = rand::random();
    println!("application's worker {worker}: seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    // Each worker has numbers of its own, so that no statement of one depends on the other's; another application's are used.
    let begin: Option<u64> = conn
        .query_first(format!("SELECT MAX(id) + 100000 FROM {}.parents", SCHEMAS[0]))
        .await?;
    let begin = begin.unwrap_or(100_000) / 2 * 2 + worker;
    let mut own: Vec<u64> = Vec::new();
    let mut next = begin;
    while !progress.stop.load(Ordering::Relaxed) {
        let old = match own.len() > 10 && random.random_bool(0.5) {
            true => own.swap_remove(random.random_range(0..own.len() - 1)),
            false => random.random_range(0..base / 2) * 2 + worker,
        };
        let statements: Vec<String> = match random.random_range(0..7) {
            0 | 1 => {
                next += 2;
                own.push(next);
                vec![
                    format!("INSERT INTO {{s}}.parents VALUES ({next}, {next}, 0)"),
                    format!("INSERT INTO {{s}}_other.owners VALUES ({next})"),
                    format!(
                        "INSERT INTO {{s}}.t (id, parent, owner, code, goes, v) VALUES ({next}, {next}, {next}, {next}, {next}, 5)"
                    ),
                ]
            }
            // RESTRICT, with SET NULL behind it.
            2 => vec![
                format!("DELETE FROM {{s}}.t WHERE parent = {old}"),
                format!("UPDATE {{s}}.t SET goes = NULL WHERE goes = {old}"),
                format!("DELETE FROM {{s}}.parents WHERE id = {old}"),
            ],
            // CASCADE.
            3 => vec![format!("DELETE FROM {{s}}_other.owners WHERE id = {old}")],
            4 => vec![format!(
                "UPDATE {{s}}_other.owners SET id = id + 500000000 WHERE id = {old}"
            )],
            // SET NULL.
            5 => vec![format!(
                "UPDATE {{s}}.parents SET code = code + 500000000, v = v + 1 WHERE id = {old} AND code = id"
            )],
            _ => vec![format!("DELETE FROM {{s}}.t WHERE id = {old}")],
        };
        let begun = Instant::now();
        while let Err(error) = transact(&mut conn, &statements).await {
            match error {
                mysql_async::Error::Server(error) if error.code == 1213 => {
                    progress.deadlocks.fetch_add(1, Ordering::Relaxed);
                    conn.query_drop("ROLLBACK").await?;
                }
                // Whoever stops the server stops the application before.
                other => bail!("{statements:?}: {other}"),
            }
        }
        progress
            .longest_ms
            .fetch_max(begun.elapsed().as_millis() as u64, Ordering::Relaxed);
        progress.transactions.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

async fn transact(conn: &mut Conn, statements: &[String]) -> Result<(), mysql_async::Error> {
    conn.query_drop("BEGIN").await?;
    for schema in SCHEMAS {
        for sql in statements {
            conn.query_drop(sql.replace("{s}", schema)).await?;
        }
    }
    conn.query_drop("COMMIT").await
}

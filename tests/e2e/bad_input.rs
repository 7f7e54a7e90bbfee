//! What is asked wrongly is refused: one line that says what is wrong, the exit code of the contract, and nothing changed.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use outlast_testbed::{Cluster, Node, Topology, accounts};

use crate::{outlast, privileges, scene::PATIENCE};

/// Exit codes of the command-line contract.
pub(crate) const COMPLETE: i32 = 0;
pub(crate) const USAGE: i32 = 2;
pub(crate) const REFUSED: i32 = 3;

/// A statement that is right, for checks of everything else.
pub(crate) const RIGHT: &str = "ALTER TABLE test.good ADD COLUMN note INT";

/// What a refused command may have written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tried {
    /// Nothing at all: `gtid_executed` is the same.
    Nothing,
    /// The change was tried on an empty table in a schema of its own, which is gone again.
    TheChange,
}

/// Runs commands that must be refused, and collects what was wrong with the refusals.
pub(crate) struct Interview<'a> {
    /// The server that must not change.
    node: &'a Node,
    /// The addresses that commands are given.
    servers: Vec<String>,
    complaints: Vec<String>,
}

/// Everything on a server that a refused command must leave as it was.
#[derive(Debug, PartialEq, Eq)]
struct Contents {
    /// Schemas, and tables with their columns.
    definitions: Vec<String>,
    executed: String,
}

impl Contents {
    async fn of(node: &Node) -> Result<Self> {
        let definitions = node
            .query(
                "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA UNION ALL \
                 SELECT CONCAT_WS(' ', TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE) FROM information_schema.COLUMNS \
                 WHERE TABLE_SCHEMA NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema') ORDER BY 1",
            )
            .await?;
        Ok(Self {
            definitions,
            executed: node.gtid_executed().await?,
        })
    }
}

impl<'a> Interview<'a> {
    pub(crate) fn of(node: &'a Node) -> Self {
        Self {
            node,
            servers: vec![node.address()],
            complaints: Vec::new(),
        }
    }

    /// The command must end with the code, and say all the words in one line on stderr.
    pub(crate) async fn refuses(&mut self, arguments: &[&str], code: i32, words: &[&str], tried: Tried) -> Result<()> {
        let before = Contents::of(self.node).await?;
        let line = self.asks(arguments, code, words).await?;
        let after = Contents::of(self.node).await?;
        if before.definitions != after.definitions {
            self.complain(arguments, &line, "it changed schemas or tables");
        }
        if tried == Tried::Nothing && before.executed != after.executed {
            self.complain(arguments, &line, "it wrote to the server");
        }
        Ok(())
    }

    /// As [`Interview::refuses`], for a server that can't be looked at. Returns what the command said.
    pub(crate) async fn asks(&mut self, arguments: &[&str], code: i32, words: &[&str]) -> Result<String> {
        let output = outlast::output(&self.servers, arguments).await?;
        let said = String::from_utf8(output.stderr).context("stderr is no text")?;
        println!(
            "outlast {arguments:?}\n  {:?} {}",
            output.status.code(),
            said.trim_end()
        );
        if output.status.code() != Some(code) {
            self.complain(
                arguments,
                &said,
                &format!("it ended with {:?} instead of {code}", output.status.code()),
            );
        }
        if code != COMPLETE && (said.lines().count() != 1 || !said.starts_with("outlast: ")) {
            self.complain(arguments, &said, "it is not one line");
        }
        for word in words.iter().filter(|word| !said.contains(**word)) {
            self.complain(arguments, &said, &format!("it does not say {word:?}"));
        }
        Ok(said)
    }

    /// `outlast run STATEMENT` must be refused before anything is written. (What needs no copy needs no key.)
    async fn refuses_statement(&mut self, statement: &str, words: &[&str]) -> Result<()> {
        self.refuses(&["run", "--no-instant", statement], REFUSED, words, Tried::Nothing)
            .await
    }

    /// `outlast run STATEMENT` must be refused after it was tried.
    async fn rejects_statement(&mut self, statement: &str, words: &[&str]) -> Result<()> {
        self.refuses(&["run", statement], REFUSED, words, Tried::TheChange)
            .await
    }

    fn complain(&mut self, arguments: &[&str], said: &str, what: &str) {
        self.complaints.push(format!(
            "outlast {arguments:?}: {what}\n    {}",
            said.trim_end().replace('\n', "\n    ")
        ));
    }

    /// Ends the interview: an error that lists all complaints.
    pub(crate) fn verdict(self) -> Result<()> {
        ensure!(
            self.complaints.is_empty(),
            "{} complaints:\n  {}",
            self.complaints.len(),
            self.complaints.join("\n  ")
        );
        Ok(())
    }
}

/// A single server with the table `test.good`.
pub(crate) async fn single_server() -> Result<Cluster> {
    let cluster = Cluster::start(Topology::Single).await?;
    create_good(&cluster).await?;
    Ok(cluster)
}

async fn create_good(cluster: &Cluster) -> Result<()> {
    cluster
        .primary()
        .execute("CREATE TABLE test.good (id INT PRIMARY KEY, v INT, name VARCHAR(20))")
        .await?;
    cluster
        .primary()
        .execute("INSERT INTO test.good VALUES (1, 1, 'a'), (2, 2, 'b')")
        .await
}

#[tokio::test]
async fn a_statement_that_can_not_be_run_is_refused_in_one_line_and_changes_nothing() -> Result<()> {
    let cluster = single_server().await?;
    let mut outlast = Interview::of(cluster.primary());
    for (statement, words) in [
        ("DROP TABLE test.good", &["no ALTER TABLE"][..]),
        ("", &["no ALTER TABLE"]),
        ("ALTER TABLE test.good", &["changes nothing"]),
        ("ALTER TABLE test.good ADD COLUMN", &["column's name is missing"]),
        ("ALTER TABLE test.good ADD (a INT", &["parentheses"]),
        ("ALTER TABLE test.good ADD COLUMN a INT COMMENT 'x", &["within a quote"]),
        (
            "ALTER TABLE test.good ADD a INT; DROP TABLE test.good",
            &["more than one statement"],
        ),
        (
            "ALTER TABLE test.good RENAME TO test.better",
            &["renames the table", "RENAME TABLE"],
        ),
        (
            "ALTER TABLE test.good ADD FOREIGN KEY (v) REFERENCES test.good (id)",
            &["foreign key"],
        ),
        ("ALTER TABLE test.good DROP PARTITION p0", &["partitions", "directly"]),
        ("ALTER TABLE good ADD a INT", &["names no schema", "--database"]),
        (
            "ALTER TABLE test.nowhere ADD a INT",
            &["there is no table `test`.`nowhere`", "check the name"],
        ),
        (
            "ALTER TABLE nowhere.good ADD a INT",
            &[
                "lacks the privilege SELECT",
                "check the schema's name, or run GRANT SELECT ON `nowhere`.*",
            ],
        ),
        (
            "ALTER TABLE mysql.user ADD a INT",
            &["`mysql`.`user`", "belongs to the server"],
        ),
    ] {
        outlast.refuses_statement(statement, words).await?;
    }
    for (statement, words) in [
        (
            "ALTER TABLE test.good ADD COLUMN a",
            &["MySQL does not accept the change", "error in your SQL syntax", "1064"][..],
        ),
        (
            "ALTER TABLE test.good FROBNICATE",
            &["error in your SQL syntax", "FROBNICATE"],
        ),
        (
            "ALTER TABLE test.good DROP COLUMN nowhere",
            &["MySQL does not accept the change", "nowhere", "1091"],
        ),
        (
            "ALTER TABLE test.good MODIFY nowhere INT",
            &["Unknown column 'nowhere'", "1054"],
        ),
        (
            "ALTER TABLE test.good ADD COLUMN v INT",
            &["Duplicate column name 'v'", "1060"],
        ),
        (
            "ALTER TABLE test.good ADD INDEX (nowhere)",
            &["'nowhere' doesn't exist", "1072"],
        ),
        (
            "ALTER TABLE test.good ADD a INT, ALGORITHM=INSTANT, LOCK=EXCLUSIVE",
            &["MySQL does not accept the change", "1221"],
        ),
        (
            "ALTER TABLE test.good DROP PRIMARY KEY",
            &["no key to copy by", "Add such a key"],
        ),
    ] {
        outlast.rejects_statement(statement, words).await?;
    }
    outlast.verdict()
}

#[tokio::test]
async fn a_table_that_can_not_be_migrated_is_refused_in_one_line_and_changes_nothing() -> Result<()> {
    let cluster = single_server().await?;
    for sql in [
        "CREATE VIEW test.a_view AS SELECT * FROM test.good",
        "CREATE TABLE test.on_myisam (id INT PRIMARY KEY) ENGINE=MyISAM",
        "CREATE TABLE test.with_trigger (id INT PRIMARY KEY)",
        "CREATE TRIGGER test.counts BEFORE INSERT ON test.with_trigger FOR EACH ROW SET @n = 1",
        "CREATE TABLE test.parent (id INT PRIMARY KEY)",
        "CREATE TABLE test.child (id INT PRIMARY KEY, p INT, CONSTRAINT leads FOREIGN KEY (p) REFERENCES test.parent (id))",
        "CREATE TABLE test.no_key (a INT, KEY (a))",
        "CREATE TABLE test.nullable_key (a INT, UNIQUE KEY u (a))",
        "CREATE TABLE test.prefix_key (a VARCHAR(100) NOT NULL, UNIQUE KEY u (a(10)))",
        "CREATE TABLE test.expression_key (a INT NOT NULL, UNIQUE KEY u ((a + 1)))",
        "CREATE TABLE test.generated_key (a INT NOT NULL, b INT AS (a + 1) VIRTUAL NOT NULL, UNIQUE KEY u (b))",
    ] {
        cluster.primary().execute(sql).await?;
    }
    let mut outlast = Interview::of(cluster.primary());
    for (table, words) in [
        ("a_view", &["`test`.`a_view` is a view"][..]),
        ("on_myisam", &["engine MyISAM", "only InnoDB", "Convert it first"]),
        (
            "with_trigger",
            &["trigger `counts`", "Drop it, migrate, and create it again"],
        ),
        ("parent", &["foreign key `leads`", "not supported yet"]),
        ("no_key", &["no key to copy by", "no unique key", "Add such a key"]),
        ("nullable_key", &["no key to copy by", "column `a` may be NULL"]),
        ("prefix_key", &["no key to copy by", "prefix"]),
        ("expression_key", &["no key to copy by", "expression"]),
        (
            "generated_key",
            &["no key to copy by", "column `b` is generated and not stored"],
        ),
    ] {
        outlast
            .refuses_statement(&format!("ALTER TABLE test.{table} ADD COLUMN note INT"), words)
            .await?;
    }
    for (change, words) in [
        (
            "MODIFY id FLOAT",
            &["no key to copy by", "from int into float", "may become one"][..],
        ),
        ("DROP COLUMN id", &["no key to copy by", "column `id` is dropped"]),
    ] {
        outlast
            .rejects_statement(&format!("ALTER TABLE test.good {change}"), words)
            .await?;
    }
    outlast.verdict()
}

#[tokio::test]
async fn a_timestamp_as_key_is_refused_where_an_hour_comes_twice() -> Result<()> {
    let cluster = single_server().await?;
    for sql in [
        "CREATE TABLE test.by_time (at TIMESTAMP PRIMARY KEY)",
        "INSERT INTO mysql.time_zone VALUES (1, 'N')",
        "INSERT INTO mysql.time_zone_name VALUES ('Test/Summer', 1)",
        "INSERT INTO mysql.time_zone_transition_type VALUES (1, 0, 7200, 1, 'CEST'), (1, 1, 3600, 0, 'CET')",
        "INSERT INTO mysql.time_zone_transition VALUES (1, 1679792400, 0), (1, 1698541200, 1)",
        "SET GLOBAL time_zone = 'Test/Summer'",
    ] {
        cluster.primary().execute(sql).await?;
    }
    let mut outlast = Interview::of(cluster.primary());
    let statement = "ALTER TABLE test.by_time ADD COLUMN note INT";
    let words = [
        "no key to copy by",
        "column `at` is a TIMESTAMP",
        "ambiguous in the server's time zone",
    ];
    outlast.refuses_statement(statement, &words).await?;
    cluster.primary().execute("SET GLOBAL time_zone = '+02:00'").await?;
    outlast.asks(&["run", statement, "--dry-run"], COMPLETE, &[]).await?;
    outlast.verdict()
}

#[tokio::test]
async fn a_policy_that_can_not_serve_is_refused_in_one_line_and_changes_nothing() -> Result<()> {
    let cluster = single_server().await?;
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/e2e/bad_policies");
    std::fs::create_dir_all(&directory)?;
    let file = |name: &str, bytes: &[u8]| -> Result<String> {
        let path = directory.join(name);
        std::fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
        Ok(path.to_str().context("the path is no text")?.to_owned())
    };
    let shipped = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../policies/prebuilt/default-retry.wasm");
    let component = std::fs::read(&shipped)?;
    let noise = file("noise.wasm", b"\x93\x1fnothing that anybody compiled")?;
    let empty = file("empty.wasm", b"")?;
    let core_module = file("core-module.wasm", b"\0asm\x01\0\0\0")?;
    let truncated = file("truncated.wasm", &component[..component.len() / 2])?;
    let no_policy = file("no-policy.wasm", b"\0asm\x0d\0\x01\0")?;
    let for_retry = file("for-retry.wasm", &component)?;
    let missing = directory
        .join("missing.wasm")
        .to_str()
        .context("the path is no text")?
        .to_owned();

    let mut outlast = Interview::of(cluster.primary());
    for (option, path, words) in [
        ("--policy-adoption", &noise, &["noise.wasm", "not WebAssembly"][..]),
        ("--policy-adoption", &empty, &["empty.wasm", "not WebAssembly"]),
        (
            "--policy-adoption",
            &core_module,
            &["core-module.wasm", "core module", "wasm-tools component new"],
        ),
        (
            "--policy-retry",
            &truncated,
            &["truncated.wasm", "not a valid component"],
        ),
        ("--policy-staleness", &no_policy, &["no-policy.wasm", "fills no slot"]),
        (
            "--policy-adoption",
            &for_retry,
            &[
                "for-retry.wasm",
                "fills retry, not adoption",
                "another --policy-… option",
            ],
        ),
        ("--policy-staleness", &missing, &["missing.wasm", "No such file"]),
    ] {
        outlast
            .refuses(&["run", RIGHT, option, path], REFUSED, words, Tried::Nothing)
            .await?;
        outlast
            .refuses(&["submit", RIGHT, option, path], REFUSED, words, Tried::Nothing)
            .await?;
    }
    for (parameter, words) in [
        ("cutoff=abc", &["cutoff", "abc", "a duration such as"][..]),
        ("max_attempts=many", &["max_attempts", "many", "a whole number"]),
    ] {
        outlast
            .refuses(
                &["run", RIGHT, "--policy-param", parameter],
                USAGE,
                words,
                Tried::Nothing,
            )
            .await?;
    }
    outlast.verdict()
}

#[tokio::test]
async fn a_request_that_fits_no_migration_is_refused_in_one_line_and_changes_nothing() -> Result<()> {
    let cluster = single_server().await?;
    let mut outlast = Interview::of(cluster.primary());
    for command in ["status", "events", "complete", "cancel", "retry", "resume"] {
        let words = ["no migration \"0123456789abcdef\"", "outlast list"];
        outlast
            .refuses(&[command, "0123456789abcdef"], USAGE, &words, Tried::Nothing)
            .await?;
    }

    let run = ["run", RIGHT, "--format", "json"];
    let events = outlast::succeed(&outlast.servers, &run).await?;
    let first: serde_json::Value = serde_json::from_str(events.lines().next().unwrap_or_default())?;
    let done = first["migration"].as_str().context("no migration id")?;
    for (command, code, words) in [
        ("complete", USAGE, &["is complete", "nothing left to complete"][..]),
        ("cancel", USAGE, &["is complete", "the new table is in place"]),
        ("retry", USAGE, &["is complete", "submit a new migration"]),
        ("resume", REFUSED, &["is complete already"]),
    ] {
        outlast.refuses(&[command, done], code, words, Tried::Nothing).await?;
    }

    let queued = outlast::succeed(
        &outlast.servers,
        &["submit", "ALTER TABLE test.good ADD COLUMN more INT"],
    )
    .await?;
    let queued = queued.trim();
    for command in ["submit", "run"] {
        let words = [queued, "is not finished", &format!("outlast cancel {queued}")];
        let second = [command, "ALTER TABLE test.good ADD COLUMN even_more INT"];
        outlast.refuses(&second, REFUSED, &words, Tried::TheChange).await?;
    }
    outlast
        .refuses(
            &["retry", queued],
            USAGE,
            &["is queued", "goes on by itself"],
            Tried::Nothing,
        )
        .await?;
    outlast
        .refuses(&["status", ""], USAGE, &["no migration \"\""], Tried::Nothing)
        .await?;
    outlast.verdict()
}

#[tokio::test]
async fn a_wrong_login_is_refused_in_one_line_and_changes_nothing() -> Result<()> {
    let cluster = single_server().await?;
    let mut outlast = Interview::of(cluster.primary());
    let wrong = ["run", RIGHT, "--user", accounts::OUTLAST_USER, "--password", "wrong"];
    let words = ["Access denied", accounts::OUTLAST_USER, "check --user and the password"];
    outlast.refuses(&wrong, REFUSED, &words, Tried::Nothing).await?;
    // For users that it does not know, a server asks for one of several login methods, by the name.
    for user in [
        "nobody",
        "somebody",
        "anybody",
        "everybody",
        "app",
        "web",
        "reports",
        "backup",
    ] {
        let unknown = ["run", RIGHT, "--user", user, "--password", "p"];
        outlast
            .refuses(&unknown, REFUSED, &["check", "user"], Tried::Nothing)
            .await?;
    }
    outlast.verdict()
}

#[tokio::test]
async fn a_foreign_key_from_a_schema_that_the_account_can_not_see_is_noticed() -> Result<()> {
    let cluster = single_server().await?;
    for sql in [
        "CREATE DATABASE hidden",
        "CREATE TABLE hidden.child (id INT PRIMARY KEY, p INT, CONSTRAINT leads FOREIGN KEY (p) REFERENCES test.good (id))",
    ] {
        cluster.primary().execute(sql).await?;
    }
    privileges::create_account(cluster.primary(), "enough", None).await?;
    let mut outlast = Interview::of(cluster.primary());
    let words = ["foreign key `leads`", "from `hidden`.`child` to `test`.`good`"];
    let arguments = ["run", RIGHT, "--user", "enough", "--password", "p"];
    outlast.refuses(&arguments, REFUSED, &words, Tried::Nothing).await?;
    outlast.verdict()
}

#[tokio::test]
async fn a_server_that_can_not_serve_is_refused_in_one_line_and_changes_nothing() -> Result<()> {
    let cluster = single_server().await?;
    let mut outlast = Interview::of(cluster.primary());
    cluster
        .primary()
        .execute("SET GLOBAL binlog_format = 'STATEMENT'")
        .await?;
    outlast
        .refuses_statement(
            RIGHT,
            &["binlog_format is STATEMENT", "SET PERSIST binlog_format = 'ROW'"],
        )
        .await?;
    cluster.primary().execute("SET GLOBAL binlog_format = 'ROW'").await?;
    for mode in ["ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF"] {
        cluster
            .primary()
            .execute(&format!("SET GLOBAL gtid_mode = '{mode}'"))
            .await?;
        outlast
            .refuses_statement(RIGHT, &[&format!("gtid_mode={mode}"), "SET PERSIST gtid_mode"])
            .await?;
    }
    outlast.verdict()
}

#[tokio::test]
async fn a_replica_given_as_server_leads_to_the_primary_and_is_never_written() -> Result<()> {
    let cluster = Cluster::start(Topology::AsyncGtid { nodes: 2 }).await?;
    create_good(&cluster).await?;
    cluster.wait_for_catch_up(1, PATIENCE).await?;
    let (primary, replica) = (cluster.primary().address(), cluster.node(1).address());

    let mut outlast = Interview::of(cluster.node(1));
    let read_only = format!("{replica} is read-only");
    outlast
        .refuses(
            &["run", RIGHT, "--single-endpoint"],
            REFUSED,
            &[&read_only],
            Tried::Nothing,
        )
        .await?;

    let examined = outlast::json(&outlast.servers, &["run", RIGHT, "--dry-run", "--format", "json"]).await?;
    ensure!(
        examined["server"] == *primary,
        "not the primary was examined: {examined}"
    );
    let errant = "SELECT GTID_SUBTRACT(@@GLOBAL.gtid_executed, '{}')";
    let errant: String = cluster
        .node(1)
        .query_one(&errant.replace("{}", &cluster.primary().gtid_executed().await?))
        .await?;
    ensure!(errant.is_empty(), "the replica was written to: {errant}");
    cluster.wait_for_catch_up(1, PATIENCE).await?;

    cluster.primary().kill9();
    let words = [
        "no server of the cluster takes writes",
        &read_only,
        &primary,
        "Connection refused",
    ];
    outlast
        .refuses(&["run", RIGHT], REFUSED, &words, Tried::Nothing)
        .await?;
    outlast.verdict()
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_the_reason() -> Result<()> {
    // A port of this machine that nobody listens on: it was free a moment ago, and is not given out again at once.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    for (server, code, words) in [
        (nobody.as_str(), REFUSED, &[nobody.as_str(), "Connection refused"][..]),
        ("nowhere.invalid:3306", REFUSED, &["nowhere.invalid:3306", "lookup"]),
        ("db1:many", REFUSED, &["db1:many", "HOST:PORT"]),
    ] {
        let said = outlast::output(&[server.to_owned()], &["run", RIGHT]).await?;
        let line = String::from_utf8(said.stderr)?;
        println!("{server}: {line}");
        ensure!(said.status.code() == Some(code), "{:?}: {line}", said.status);
        ensure!(
            line.lines().count() == 1 && words.iter().all(|word| line.contains(word)),
            "{words:?} in {line}"
        );
    }
    Ok(())
}

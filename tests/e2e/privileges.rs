//! The documented privileges are enough, and each of them is needed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use mysql_async::{Conn, Opts, OptsBuilder, Value, prelude::Queryable};
use outlast_testbed::{Node, Topology, accounts};

use crate::{
    bad_input::{COMPLETE, Interview, REFUSED, RIGHT, Tried, single_server},
    outlast,
    scene::{PATIENCE, Scene, Setup},
};

/// The documented privileges, by what they are granted on: for tables in `test`, with foreign keys to `parents`.
const PRIVILEGES: [(&str, &[&str]); 7] = [
    ("*.*", &accounts::GLOBAL),
    ("`performance_schema`.*", &["SELECT"]),
    ("`test`.*", &accounts::SCHEMA),
    ("`test`.*", &["REFERENCES"]),
    ("`parents`.*", &accounts::PARENTS),
    (accounts::OWN_SCHEMAS, &accounts::OWN),
    (accounts::OWN_SCHEMAS, &accounts::OWN_PARENTS),
];

/// MySQL's errors for privileges that are missing; 1401 is what XA RECOVER says.
const DENIED: [u16; 7] = [1044, 1142, 1143, 1227, 1370, 1401, 3118];

/// A privilege and what it is granted on.
type Privilege = (&'static str, &'static str);

/// An account with the password `p` and all documented privileges, but for one.
pub(crate) async fn create_account(node: &Node, user: &str, without: Option<Privilege>) -> Result<()> {
    node.execute(&format!("DROP USER IF EXISTS '{user}'@'%'")).await?;
    node.execute(&format!("CREATE USER '{user}'@'%' IDENTIFIED BY 'p'"))
        .await?;
    for (on, privileges) in PRIVILEGES {
        let given = privileges.iter().filter(|privilege| without != Some((on, **privilege)));
        let given = given.copied().collect::<Vec<_>>().join(", ");
        if !given.is_empty() {
            node.execute(&format!("GRANT {given} ON {on} TO '{user}'@'%'")).await?;
        }
    }
    Ok(())
}

fn every_privilege() -> impl Iterator<Item = Privilege> {
    PRIVILEGES
        .into_iter()
        .flat_map(|(on, privileges)| privileges.iter().map(move |privilege| (on, *privilege)))
}

async fn create_family(node: &Node) -> Result<()> {
    for sql in [
        "CREATE DATABASE parents",
        "CREATE TABLE parents.p (id INT PRIMARY KEY)",
        "INSERT INTO parents.p VALUES (1), (2)",
        "CREATE TABLE test.child (id INT PRIMARY KEY, p INT, v INT, CONSTRAINT leads FOREIGN KEY (p) REFERENCES parents.p (id), \
         CONSTRAINT own FOREIGN KEY (v) REFERENCES test.child (id))",
        "INSERT INTO test.child VALUES (1, 1, 1), (2, 2, 1)",
    ] {
        node.execute(sql).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_missing_privilege_is_named_with_what_it_is_for_and_how_to_grant_it() -> Result<()> {
    let cluster = single_server().await?;
    create_family(cluster.primary()).await?;
    let mut outlast = Interview::of(cluster.primary());
    for (on, missing) in every_privilege() {
        create_account(cluster.primary(), "almost", Some((on, missing))).await?;
        let words = match on {
            "`performance_schema`.*" => vec![
                "replication state".to_owned(),
                format!("GRANT {missing} ON performance_schema.*"),
            ],
            _ => vec![
                format!("lacks the privilege {missing}, which is needed to"),
                format!("run GRANT {missing} ON {on} TO 'almost'@'%'"),
            ],
        };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let statement = match (on, missing) {
            ("`parents`.*", _) | (_, "REFERENCES") => "ALTER TABLE test.child ADD COLUMN note INT",
            _ => RIGHT,
        };
        let arguments = ["run", statement, "--user", "almost", "--password", "p"];
        outlast.refuses(&arguments, REFUSED, &words, Tried::Nothing).await?;
    }
    outlast.verdict()
}

/// Where the server gives tables a primary key that they don't say, that is turned off only for a table that has none, for that takes
/// one more privilege.
#[tokio::test]
async fn where_primary_keys_are_generated_a_table_without_one_needs_a_privilege_that_is_named() -> Result<()> {
    let cluster = single_server().await?;
    let node = cluster.primary();
    node.execute("CREATE TABLE test.bare (id INT NOT NULL, UNIQUE KEY (id))")
        .await?;
    node.execute("SET GLOBAL sql_generate_invisible_primary_key = ON")
        .await?;
    create_account(node, "enough", None).await?;
    let mut outlast = Interview::of(node);
    let login = ["--user", "enough", "--password", "p"];
    let bare = "ALTER TABLE test.bare ADD COLUMN note INT";
    let run = |more: &[&'static str]| [more, &login].concat();
    outlast
        .asks(&run(&["run", "--no-instant", RIGHT]), COMPLETE, &[])
        .await?;
    let words = [
        "lacks the privilege SESSION_VARIABLES_ADMIN",
        "sql_generate_invisible_primary_key=ON",
        "run GRANT SESSION_VARIABLES_ADMIN ON *.* TO 'enough'@'%'",
    ];
    for how in [&["run", bare][..], &["run", "--no-instant", bare]] {
        outlast.refuses(&run(how), REFUSED, &words, Tried::TheChange).await?;
    }
    node.execute("GRANT SESSION_VARIABLES_ADMIN ON *.* TO 'enough'@'%'")
        .await?;
    outlast
        .asks(&run(&["run", "--no-instant", bare]), COMPLETE, &[])
        .await?;
    let columns: Vec<String> = node
        .query("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'test' AND TABLE_NAME = 'bare' ORDER BY 1")
        .await?;
    ensure!(columns == ["id", "note"], "{columns:?}");
    outlast.verdict()
}

/// Runs everything that the documentation promises as an account with the documented privileges; nothing may be denied.
async fn use_everything(node: &Node, outlast: &mut Interview<'_>) -> Result<()> {
    create_account(node, "enough", None).await?;
    let login = ["--user", "enough", "--password", "p"];
    let of = |arguments: &[&'static str]| [arguments, &login].concat();
    for arguments in [
        &["run", RIGHT][..],
        &[
            "run",
            "--no-instant",
            "ALTER TABLE test.good ADD COLUMN copied INT, ADD UNIQUE (v)",
        ],
        &["run", "ALTER TABLE test.child ADD COLUMN note INT"],
        &["run", "--dry-run", "ALTER TABLE test.good ADD COLUMN more INT"],
        &["list"],
    ] {
        outlast.asks(&of(arguments), COMPLETE, &[]).await?;
    }
    // A duplicate, found among rows that it looks up.
    let duplicate = &[
        "run",
        "ALTER TABLE test.good ADD UNIQUE (same)",
        "--duplicate-grace",
        "1ms",
    ];
    let failed = outlast::output(&[node.address()], &of(duplicate)).await?;
    let said = String::from_utf8_lossy(&failed.stderr);
    ensure!(
        failed.status.code() == Some(4) && said.contains("Duplicate entry"),
        "{said}"
    );
    let ids: Vec<(String, String)> = node.query("SELECT id, status FROM _outlast.migrations").await?;
    for (id, status) in &ids {
        let commands: &[&str] = match status.as_str() {
            "failed" => &["status", "events", "retry", "cancel", "cleanup"],
            _ => &["status", "events", "cleanup"],
        };
        for command in commands {
            outlast
                .asks(&[&[*command, id.as_str()][..], &login].concat(), COMPLETE, &[])
                .await?;
        }
    }
    Ok(())
}

/// Every statement that an account has sent, but for those that differ in numbers and ids only.
async fn statements_of(node: &Node, user: &str) -> Result<Vec<String>> {
    let sent: Vec<Vec<u8>> = node
        .query(&format!(
            "SELECT argument FROM mysql.general_log WHERE command_type IN ('Query', 'Execute') AND \
             user_host LIKE '{user}[{user}]%' ORDER BY event_time"
        ))
        .await?;
    let mut kinds = BTreeSet::new();
    let mut statements = Vec::new();
    for statement in sent {
        let statement = String::from_utf8_lossy(&statement).into_owned();
        let is_digit = |c: char| c.is_ascii_hexdigit() && !c.is_ascii_uppercase();
        if kinds.insert(statement.replace(is_digit, "")) {
            statements.push(statement);
        }
    }
    Ok(statements)
}

async fn connect(node: &Node, user: &str) -> Result<Conn> {
    let opts: Opts = OptsBuilder::from_opts(node.opts_of(user, "p")).into();
    Conn::new(opts).await.context("connecting")
}

/// The first of the statements that is denied to the account, and the server's reason.
async fn first_denied(node: &Node, user: &str, statements: &[String]) -> Result<Option<(String, String)>> {
    let mut conn = connect(node, user).await?;
    for statement in statements {
        let sent = tokio::time::timeout(PATIENCE, conn.query_drop(statement)).await?;
        if let Err(mysql_async::Error::Server(error)) = sent
            && DENIED.contains(&error.code)
        {
            return Ok(Some((statement.clone(), error.message)));
        }
        // No transaction and no lock lasts.
        if !conn.reset().await? {
            conn = connect(node, user).await?;
        }
    }
    Ok(None)
}

/// What the account is shown where Outlast looks for triggers.
async fn triggers_seen(node: &Node, user: &str, statements: &[String]) -> Result<usize> {
    let look = statements
        .iter()
        .find(|sql| sql.contains("information_schema.TRIGGERS"));
    let look = look.context("nobody looked for triggers")?;
    let rows: Vec<mysql_async::Row> = connect(node, user).await?.query(look).await?;
    let values = rows.iter().flat_map(|row| (0..row.len()).filter_map(|i| row.as_ref(i)));
    let seen = |value: &&Value| !matches!(value, Value::NULL | Value::Int(0));
    Ok(values.filter(seen).count())
}

/// Whether the account may not make what a trial of a foreign key makes: a table of Outlast's that refers to `parent`. Trials choose
/// their schema first, so their statements can't be sent again one by one.
async fn foreign_key_denied(node: &Node, user: &str, parent: &str) -> Result<bool> {
    let mut conn = connect(node, user).await?;
    conn.query_drop("CREATE DATABASE IF NOT EXISTS _outlast_try_keys")
        .await?;
    conn.query_drop("CREATE TABLE IF NOT EXISTS _outlast_try_keys.child (id INT PRIMARY KEY)")
        .await?;
    let key = format!("ALTER TABLE _outlast_try_keys.child ADD FOREIGN KEY (id) REFERENCES {parent} (id)");
    let refused = conn.query_drop(key).await;
    Ok(matches!(refused, Err(mysql_async::Error::Server(error)) if DENIED.contains(&error.code)))
}

/// Each documented privilege is needed: without it, the server denies a statement that Outlast sends (or, for TRIGGER, hides what it
/// looks for). With all of them, nothing is denied.
#[tokio::test]
async fn the_documented_privileges_are_enough_and_each_of_them_is_needed() -> Result<()> {
    let cluster = single_server().await?;
    let node = cluster.primary();
    create_family(node).await?;
    node.execute("ALTER TABLE test.good ADD COLUMN same INT DEFAULT 1")
        .await?;
    node.execute("SET GLOBAL log_output = 'TABLE'").await?;
    node.execute("SET GLOBAL general_log = ON").await?;
    let mut outlast = Interview::of(node);
    use_everything(node, &mut outlast).await?;
    outlast.verdict()?;
    node.execute("SET GLOBAL general_log = OFF").await?;
    let statements = statements_of(node, "enough").await?;
    ensure!(statements.len() > 100, "only {} statements were sent", statements.len());

    let none = first_denied(node, "enough", &statements).await?;
    ensure!(none.is_none(), "denied with all privileges: {none:?}");
    // The statements have moved tables about; triggers are looked for on the one that was there.
    node.execute("CREATE TABLE IF NOT EXISTS test.good (id INT PRIMARY KEY)")
        .await?;
    node.execute("CREATE TRIGGER test.fires BEFORE INSERT ON test.good FOR EACH ROW SET @x = 1")
        .await?;
    let seen = triggers_seen(node, "enough", &statements).await?;
    let mut needless = BTreeMap::new();
    for (on, privilege) in every_privilege() {
        create_account(node, "almost", Some((on, privilege))).await?;
        match first_denied(node, "almost", &statements).await? {
            Some((statement, why)) => println!("{privilege} on {on}: {why}: {statement:.100}"),
            None if privilege == "TRIGGER" => {
                let without = triggers_seen(node, "almost", &statements).await?;
                ensure!(without < seen, "triggers are seen without TRIGGER: {without} of {seen}");
            }
            // What it is for there, only the trial of a foreign key shows, which is refused without it before it is begun.
            None if privilege == "REFERENCES" && on == accounts::OWN_SCHEMAS => {
                println!("{privilege} on {on}: no single statement shows it");
            }
            None if privilege == "REFERENCES" => {
                let parent = if on == "`parents`.*" { "parents.p" } else { "test.child" };
                let denied = foreign_key_denied(node, "almost", parent).await?;
                ensure!(denied, "a foreign key that refers to {parent} needs no REFERENCES");
            }
            None => {
                needless.insert(privilege, on);
            }
        }
    }
    ensure!(needless.is_empty(), "these privileges are not needed: {needless:?}");
    Ok(())
}

/// Privileges of a role do, and what is revoked later is named while the migration waits for it.
#[tokio::test]
async fn a_privilege_that_is_revoked_meanwhile_is_named_and_the_migration_goes_on_once_it_is_granted() -> Result<()> {
    let cluster = single_server().await?;
    let node = cluster.primary();
    node.execute("CREATE ROLE migrates").await?;
    for (on, privileges) in PRIVILEGES {
        node.execute(&format!("GRANT {} ON {on} TO migrates", privileges.join(", ")))
            .await?;
    }
    node.execute("CREATE USER by_role IDENTIFIED BY 'p' DEFAULT ROLE migrates")
        .await?;
    let login = ["--user", "by_role", "--password", "p"];
    let servers = [node.address()];
    let submit = [&["submit", "--no-instant", RIGHT][..], &login].concat();
    let id = outlast::succeed(&servers, &submit).await?.trim().to_owned();
    for (privilege, on) in [("SELECT", "`test`.*"), ("DROP", accounts::OWN_SCHEMAS)] {
        node.execute(&format!("REVOKE {privilege} ON {on} FROM migrates"))
            .await?;
    }
    let resume = [&["resume", &id][..], &login].concat();
    let mut resumed = outlast::command(&servers, &resume)?.spawn()?;
    for (privilege, on) in [("SELECT", "`test`.*"), ("DROP", accounts::OWN_SCHEMAS)] {
        let says = format!("lacks the privilege {privilege}, which is needed");
        let events = outlast_testbed::eventually("the missing privilege is named", PATIENCE, || async {
            let events = outlast::succeed(&servers, &["events", &id]).await?;
            ensure!(events.contains(&says), "{events}");
            Ok(events)
        });
        let events = events.await?;
        ensure!(events.contains(&format!("GRANT {privilege} ON {on}")), "{events}");
        node.execute(&format!("GRANT {privilege} ON {on} TO migrates")).await?;
    }
    let ended = tokio::time::timeout(Duration::from_secs(60), resumed.wait()).await??;
    ensure!(ended.success(), "it ended with {ended}");
    Ok(())
}

/// What can't be seen is no ground for an end: whatever happens to the table meanwhile, it is concluded once the privilege is back.
#[tokio::test]
async fn a_migration_is_not_ended_while_privileges_are_missing() -> Result<()> {
    let setup = Setup {
        topology: Topology::AsyncGtid { nodes: 1 },
        ..Setup::quick_copy()
    };
    let mut scene = Scene::start("privileges_at_the_end", setup).await?;
    scene.wait_for_phase("ready").await?;
    scene.stop_load().await?;
    let node = scene.cluster.primary();
    let user = accounts::OUTLAST_USER;
    node.execute(&format!("REVOKE SELECT ON test.* FROM {user}")).await?;
    // With the privilege, this would be the end of it.
    node.execute("TRUNCATE test.customers").await?;
    scene.wait_for_event("failure", "lacks the privilege SELECT").await?;
    let status = scene.status().await?;
    ensure!(status["status"] == "running", "{status}");
    node.execute(&format!("GRANT SELECT ON test.* TO {user}")).await?;
    scene.expect_failure(&["TRUNCATE"]).await
}

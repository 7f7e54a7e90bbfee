//! Tables with foreign keys to others: results like those of MySQL's own ALTER, and an application that always can delete
//! parents.

mod family;

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use outlast_testbed::{Cluster, RelayLog, Topology, accounts, eventually};

use self::family::Family;
use crate::{outlast, scene::PATIENCE};

const SLOWLY: [&str; 4] = ["--chunk-rows", "200", "--chunk-pause", "50ms"];

#[tokio::test]
async fn a_table_with_foreign_keys_is_migrated_under_load_and_parents_can_always_be_deleted() -> Result<()> {
    let cluster = Cluster::start(Topology::Single).await?;
    let mut family = Family::start("foreign_keys", cluster, 10_000).await?;
    let application = family.start_application().await?;
    family.submit(&SLOWLY).await?;
    family.wait_for_copied(1_000).await?;
    let keys = family.keys_of(&family.shadow_schema()).await?;
    ensure!(
        keys.is_empty(),
        "the shadow has foreign keys while it is copied: {keys:?}"
    );
    family.wait_for_phase("ready").await?;
    application.goes_on(300).await?;
    let (before, deadlocks) = (application.longest(), application.deadlocks());
    family.ask_to_complete().await?;
    family.expect_complete().await?;
    println!(
        "longest transaction of the application: {before:?} before the swap, {:?} across it; victims of deadlocks: {deadlocks} \
         before, {} across",
        application.longest(),
        application.deadlocks() - deadlocks
    );
    // The retired table is still there.
    application.goes_on(300).await?;
    application.stop().await?;
    family.expect_native_result().await
}

#[tokio::test]
async fn a_table_with_foreign_keys_survives_the_death_of_the_primary_while_copying() -> Result<()> {
    let cluster = Cluster::start(Topology::AsyncGtid { nodes: 2 }).await?;
    let mut family = Family::start("foreign_keys_failover", cluster, 10_000).await?;
    let application = family.start_application().await?;
    family.submit(&SLOWLY).await?;
    family.wait_for_copied(1_000).await?;
    application.stop().await?;
    family.cluster.primary().kill9();
    family.cluster.promote(1, RelayLog::AppliedFirst).await?;
    let application = family.start_application().await?;
    family.wait_for_phase("ready").await?;
    application.goes_on(100).await?;
    family.ask_to_complete().await?;
    family.expect_complete().await?;
    application.stop().await?;
    let status = family.status().await?;
    ensure!(status["failovers"] == 1, "{status}");
    family.expect_native_result().await
}

/// Sessions that keep anybody from renaming a table into the schema of the retired one.
struct Blockade {
    locker: mysql_async::Conn,
    dropper: u32,
    dropping: tokio::task::JoinHandle<()>,
    schema: String,
}

impl Blockade {
    /// A DROP DATABASE that waits for a table in it holds the schema's name.
    async fn begin(family: &Family) -> Result<Self> {
        let schema = family.retired_schema();
        let mut locker = family.cluster.primary().connect().await?;
        locker
            .query_drop(format!("CREATE TABLE {schema}.blocker (id INT)"))
            .await?;
        locker.query_drop(format!("LOCK TABLES {schema}.blocker READ")).await?;
        let mut conn = family.cluster.primary().connect().await?;
        let (dropper, sql) = (conn.id(), format!("DROP DATABASE {schema}"));
        let dropping = tokio::spawn(async move {
            // It is killed.
            let _ = conn.query_drop(sql).await;
        });
        wait_for_process(family, "DROP DATABASE").await?;
        Ok(Self {
            locker,
            dropper,
            dropping,
            schema,
        })
    }

    async fn end(mut self, family: &Family) -> Result<()> {
        family
            .cluster
            .primary()
            .execute(&format!("KILL {}", self.dropper))
            .await?;
        self.dropping.await?;
        self.locker.query_drop("UNLOCK TABLES").await?;
        self.locker
            .query_drop(format!("DROP TABLE {}.blocker", self.schema))
            .await?;
        Ok(())
    }
}

/// Waits until a session runs a statement that begins like this, and waits for a metadata lock.
async fn wait_for_process(family: &Family, statement: &str) -> Result<()> {
    let sql = format!(
        "SELECT COUNT(*) FROM performance_schema.processlist WHERE STATE LIKE 'Waiting for%metadata lock' AND INFO LIKE '{statement}%'"
    );
    eventually(statement, PATIENCE, || async {
        let found: u64 = family.cluster.primary().query_one(&sql).await?;
        ensure!(found > 0, "nobody waits in {statement}");
        Ok(())
    })
    .await
}

/// A migration whose agent was killed when the shadow had its foreign keys and the RENAME was still to come.
async fn killed_before_the_rename(name: &str) -> Result<Family> {
    let cluster = Cluster::start(Topology::Single).await?;
    let mut family = Family::start(name, cluster, 1_000).await?;
    family.submit(&[]).await?;
    family.wait_for_phase("ready").await?;
    let blockade = Blockade::begin(&family).await?;
    family.ask_to_complete().await?;
    wait_for_process(&family, "RENAME TABLE").await?;
    family.kill_agent().await?;
    let sql = "SELECT COUNT(*) FROM performance_schema.processlist WHERE INFO LIKE 'RENAME TABLE%'";
    eventually("the agent's session to end", PATIENCE, || async {
        let left: u64 = family.cluster.primary().query_one(sql).await?;
        ensure!(left == 0, "it is still there");
        Ok(())
    })
    .await?;
    let keys = family.keys_of(&family.shadow_schema()).await?;
    ensure!(
        keys == ["a_name", "t_ibfk_1", "t_ibfk_2", "tree"],
        "the shadow has {keys:?}"
    );
    blockade.end(&family).await?;
    Ok(family)
}

#[tokio::test]
async fn foreign_keys_that_a_killed_agent_left_on_the_shadow_are_dropped_before_it_goes_on() -> Result<()> {
    let mut family = killed_before_the_rename("foreign_keys_before_rename").await?;
    // Rows that the shadow could not take if it still had foreign keys.
    let mut conn = family.cluster.primary().connect().await?;
    conn.query_drop("SET SESSION foreign_key_checks = 0").await?;
    for schema in ["family", "native"] {
        let sql = format!("INSERT INTO {schema}.t VALUES (2000000, 77777777, 77777777, NULL, NULL, NULL, 1)");
        conn.query_drop(sql).await?;
    }
    conn.query_drop("SET SESSION foreign_key_checks = 1").await?;
    family.start_agent()?;
    family.expect_complete().await?;
    let application = family.start_application().await?;
    application.goes_on(200).await?;
    application.stop().await?;
    for schema in ["family", "native"] {
        conn.query_drop(format!("DELETE FROM {schema}.t WHERE id = 2000000"))
            .await?;
    }
    family.expect_native_result().await
}

#[tokio::test]
async fn foreign_keys_of_the_retired_table_are_dropped_before_a_migration_is_called_complete() -> Result<()> {
    let mut family = killed_before_the_rename("foreign_keys_after_rename").await?;
    // What the server would have done next, before it died.
    let (new, old) = (family.shadow_schema(), family.retired_schema());
    let rename = format!("RENAME TABLE family.t TO {old}.t, {new}.t TO family.t");
    family.cluster.primary().execute(&rename).await?;
    let mut conn = family.cluster.primary().connect().await?;
    // Who reads a parent in an open transaction keeps anybody from changing its children's definitions.
    conn.query_drop("BEGIN").await?;
    let _: Option<u64> = conn.query_first("SELECT COUNT(*) FROM family.parents").await?;
    family.start_agent()?;
    wait_for_process(&family, "ALTER TABLE").await?;
    let status = family.status().await?;
    ensure!(status["status"] == "running", "it was concluded too early: {status}");
    ensure!(family.keys_of(&old).await?.len() == 5, "they are gone already");
    conn.query_drop("COMMIT").await?;
    family.expect_complete().await?;
    let application = family.start_application().await?;
    application.goes_on(200).await?;
    application.stop().await?;
    family.expect_native_result().await
}

#[tokio::test]
async fn a_swap_that_does_not_get_through_leaves_the_shadow_without_foreign_keys() -> Result<()> {
    let cluster = Cluster::start(Topology::Single).await?;
    let mut family = Family::start("foreign_keys_blocked", cluster, 1_000).await?;
    let application = family.start_application().await?;
    family.submit(&[]).await?;
    family.wait_for_phase("ready").await?;
    let blockade = Blockade::begin(&family).await?;
    family.ask_to_complete().await?;
    wait_for_process(&family, "RENAME TABLE").await?;
    let shadow = family.shadow_schema();
    eventually("the keys to be dropped again", PATIENCE, || async {
        let keys = family.keys_of(&shadow).await?;
        ensure!(keys.is_empty(), "{keys:?}");
        Ok(())
    })
    .await?;
    application.goes_on(100).await?;
    // An attempt that waits for a parent's reader gives way, and the application goes on.
    let mut reader = family.cluster.primary().connect().await?;
    reader.query_drop("BEGIN").await?;
    let _: Option<u64> = reader.query_first("SELECT COUNT(*) FROM family_other.owners").await?;
    blockade.end(&family).await?;
    wait_for_process(&family, "LOCK TABLES").await?;
    application.goes_on(100).await?;
    let status = family.status().await?;
    ensure!(status["status"] == "running", "{status}");
    reader.query_drop("COMMIT").await?;
    family.expect_complete().await?;
    application.goes_on(100).await?;
    println!("longest transaction of the application: {:?}", application.longest());
    application.stop().await?;
    family.expect_native_result().await
}

#[tokio::test]
async fn foreign_keys_that_come_and_go_during_a_migration_are_noticed() -> Result<()> {
    let cluster = Cluster::start(Topology::Single).await?;
    let mut family = Family::start("foreign_keys_changed", cluster, 100).await?;
    for (change, undo) in [
        (
            "ALTER TABLE family.t DROP FOREIGN KEY tree",
            "ALTER TABLE family.t ADD CONSTRAINT tree FOREIGN KEY (above) REFERENCES t (id) ON DELETE SET NULL",
        ),
        (
            "ALTER TABLE family.t ADD CONSTRAINT fresh FOREIGN KEY (v) REFERENCES parents (id)",
            "ALTER TABLE family.t DROP FOREIGN KEY fresh",
        ),
        (
            "CREATE TABLE family.grandchild (t INT, FOREIGN KEY (t) REFERENCES t (id))",
            "DROP TABLE family.grandchild",
        ),
    ] {
        let mut conn = family.cluster.primary().connect().await?;
        conn.query_drop("USE family").await?;
        conn.query_drop("UPDATE t SET v = 1").await?;
        family.submit(&[]).await?;
        family.wait_for_phase("ready").await?;
        conn.query_drop(change).await.context(change)?;
        let status = family.wait_for("failure", |s| s["status"] != "running").await?;
        ensure!(status["status"] == "failed", "{change}: {status}");
        conn.query_drop(undo).await.context(undo)?;
    }
    Ok(())
}

/// Runs a statement that must be refused before anything is changed, with these words.
async fn expect_refusal(cluster: &Cluster, extra: &[&str], statement: &str, words: &[&str]) -> Result<()> {
    let mut arguments = vec!["run", statement];
    arguments.extend(extra);
    let output = outlast::output(&cluster.addresses(), &arguments).await?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        output.status.code() == Some(3),
        "{statement}: {:?} {said}",
        output.status
    );
    for word in words {
        ensure!(said.contains(word), "{statement}: it does not say {word:?}: {said}");
    }
    Ok(())
}

#[tokio::test]
async fn foreign_keys_that_can_not_be_kept_are_refused_with_a_way_out() -> Result<()> {
    let cluster = Cluster::builder(Topology::Single)
        .argument("--innodb-native-foreign-keys=ON")
        .start()
        .await?;
    let node = cluster.primary();
    node.execute(&accounts::grant_on("elsewhere", accounts::OUTLAST_USER))
        .await?;
    for sql in [
        "CREATE DATABASE elsewhere",
        "CREATE TABLE elsewhere.p (id INT PRIMARY KEY)",
        "CREATE TABLE test.c (id INT PRIMARY KEY, a INT, CONSTRAINT plain FOREIGN KEY (a) REFERENCES elsewhere.p (id))",
        "CREATE TABLE test.d (id INT PRIMARY KEY, a INT, CONSTRAINT chain FOREIGN KEY (a) REFERENCES test.c (id) ON DELETE CASCADE)",
        "CREATE TABLE test.e (id INT PRIMARY KEY, a INT, CONSTRAINT nulls FOREIGN KEY (a) REFERENCES elsewhere.p (id) ON UPDATE SET NULL)",
        "CREATE TABLE test.f (id INT PRIMARY KEY, a INT, CONSTRAINT only FOREIGN KEY (a) REFERENCES elsewhere.p (id))",
        // Locked with the parent, by the server itself.
        "CREATE DATABASE hidden",
        "CREATE TABLE hidden.sibling (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES elsewhere.p (id))",
        "INSERT INTO elsewhere.p VALUES (1), (2)",
        "INSERT INTO test.f VALUES (1, 1), (2, 2)",
        "CREATE USER some@'%' IDENTIFIED BY 'secret'",
        "GRANT PROCESS, REPLICATION SLAVE, REPLICATION CLIENT, XA_RECOVER_ADMIN ON *.* TO some@'%'",
        "GRANT SELECT ON performance_schema.* TO some@'%'",
        "GRANT ALL ON `\\_outlast%`.* TO some@'%'",
        "GRANT SELECT, INSERT, ALTER, CREATE, DROP, LOCK TABLES, TRIGGER ON test.* TO some@'%'",
    ] {
        node.execute(sql).await.context(sql)?;
    }
    let words: [(&str, &[&str]); 7] = [
        (
            "ALTER TABLE test.c ADD x INT",
            &["foreign key `chain` from `test`.`d`", "not supported yet"],
        ),
        (
            "ALTER TABLE test.d ADD x INT",
            &["innodb_native_foreign_keys", "`chain`", "ON DELETE CASCADE", "OFF"],
        ),
        (
            "ALTER TABLE test.e ADD x INT",
            &[
                "innodb_native_foreign_keys",
                "`nulls`",
                "ON UPDATE SET NULL",
                "add it again",
            ],
        ),
        (
            "ALTER TABLE test.f ADD FOREIGN KEY (id) REFERENCES elsewhere.p (id)",
            &["adds a foreign key", "after the migration"],
        ),
        ("ALTER TABLE test.f MODIFY a BIGINT", &["MySQL error 3780"]),
        ("ALTER TABLE test.f DROP COLUMN a", &["MySQL error 1828"]),
        ("ALTER TABLE test.f DROP INDEX only", &["MySQL error 1553"]),
    ];
    for (statement, words) in words {
        expect_refusal(&cluster, &[], statement, words).await?;
    }
    let account = ["--user", "some", "--password", "secret"];
    for (on, privilege) in [
        ("elsewhere", "SELECT"),
        ("elsewhere", "LOCK TABLES"),
        ("elsewhere", "REFERENCES"),
        ("test", "REFERENCES"),
    ] {
        let grant = format!("GRANT {privilege} ON `{on}`.* TO 'some'@'%'");
        expect_refusal(&cluster, &account, "ALTER TABLE test.f ADD x INT", &[&grant]).await?;
        node.execute(&grant).await?;
    }
    // With nothing but these privileges, and a key that cascades nothing, it works.
    let mut arguments = vec!["run", "ALTER TABLE test.f ADD x INT"];
    arguments.extend(account);
    outlast::succeed(&cluster.addresses(), &arguments).await?;
    let (_, create): (String, String) = node.query_one("SHOW CREATE TABLE test.f").await?;
    ensure!(
        create.contains("CONSTRAINT `only` FOREIGN KEY (`a`) REFERENCES `elsewhere`.`p` (`id`)"),
        "{create}"
    );
    node.execute("DELETE FROM test.f WHERE a = 1").await?;
    node.execute("DELETE FROM elsewhere.p WHERE id = 1").await
}

//! `outlast plan` says what a migration would do, and why, and changes nothing.

use anyhow::{Context, Result, ensure};
use outlast_testbed::{Cluster, Topology};
use serde_json::{Value, json};

use crate::outlast;

const REFUSED: i32 = 3;
const COPIED: &str = "ALTER TABLE test.orders ADD note VARCHAR(40), DROP old, CHANGE amount total DECIMAL(12,2), \
     MODIFY name VARCHAR(20) NOT NULL COLLATE utf8mb4_bin, ADD INDEX (total)";

async fn cluster() -> Result<Cluster> {
    let cluster = Cluster::start(Topology::Single).await?;
    for sql in [
        "CREATE TABLE test.orders (id INT PRIMARY KEY, amount DECIMAL(10,2) NOT NULL, old INT, \
         name VARCHAR(20))",
        "INSERT INTO test.orders VALUES (1, 1.5, 1, 'a'), (2, 2.5, NULL, 'b')",
        "CREATE TABLE test.keyless (v INT)",
    ] {
        cluster.primary().execute(sql).await?;
    }
    Ok(cluster)
}

async fn planned(cluster: &Cluster, statement: &str, options: &[&str]) -> Result<Value> {
    let arguments = [&["plan", "--format", "json", statement], options].concat();
    outlast::json(&cluster.addresses(), &arguments).await
}

#[tokio::test]
async fn a_plan_tells_what_is_copied_how_and_why_and_leaves_nothing_behind() -> Result<()> {
    let cluster = cluster().await?;
    let definition = "SHOW CREATE TABLE test.orders";
    let before: (String, String) = cluster.primary().query_one(definition).await?;
    let plan = planned(&cluster, COPIED, &[]).await?;
    println!("{plan}");
    ensure!(plan["path"] == "copy" && plan["direct_statement"].is_null(), "{plan}");
    let why = plan["why_copied"].as_str().unwrap_or_default();
    ensure!(why.contains("MySQL") || why.contains("ALGORITHM"), "{plan}");
    ensure!(
        plan["key"] == "PRIMARY" && plan["key_columns"] == json!(["id"]),
        "{plan}"
    );
    ensure!(
        plan["columns"]
            == json!([
                { "before": "`amount` decimal(10,2) NOT NULL", "after": "`total` decimal(12,2)" },
                { "before": "`old` int", "after": null },
                { "before": "`name` varchar(20) COLLATE utf8mb4_0900_ai_ci",
                  "after": "`name` varchar(20) COLLATE utf8mb4_bin NOT NULL" },
                { "before": null, "after": "`note` varchar(40) COLLATE utf8mb4_0900_ai_ci" },
            ]),
        "{plan}"
    );
    ensure!(plan["failover"]["cutoff_ms"] == 600_000, "{plan}");

    let text = outlast::succeed(&cluster.addresses(), &["plan", "--postpone-completion", COPIED]).await?;
    println!("{text}");
    for line in [
        "about 2 rows, copied by key. Nothing was changed.",
        "PRIMARY (id)",
        "`amount` decimal(10,2) NOT NULL becomes `total` decimal(12,2)",
        "`old` int is dropped",
        "after `outlast complete ID`",
    ] {
        ensure!(text.contains(line), "{line:?} is missing:\n{text}");
    }
    let dry_run = outlast::succeed(&cluster.addresses(), &["run", "--dry-run", COPIED]).await?;
    ensure!(dry_run.contains("is dropped"), "a dry run says less:\n{dry_run}");

    let after: (String, String) = cluster.primary().query_one(definition).await?;
    ensure!(before == after, "the table was changed: {}", after.1);
    let own: Vec<String> = cluster.primary().query("SHOW DATABASES LIKE '\\_outlast%'").await?;
    ensure!(own.is_empty(), "it left {own:?}");
    Ok(())
}

#[tokio::test]
async fn a_plan_gives_the_statement_that_mysql_is_told_where_nothing_is_copied() -> Result<()> {
    let cluster = cluster().await?;
    let statement = "ALTER TABLE test.orders ADD note VARCHAR(40)";
    let plan = planned(&cluster, statement, &[]).await?;
    let direct = plan["direct_statement"].as_str().context("no statement")?;
    ensure!(
        plan["path"] == "instant" && direct.contains("ALGORITHM=INSTANT"),
        "{plan}"
    );
    ensure!(plan["space"].is_null() && plan["columns"] == json!([]), "{plan}");
    // What is said is what happens.
    cluster.primary().execute(direct).await?;
    let asked = planned(&cluster, "ALTER TABLE test.orders DROP note", &["--no-instant"]).await?;
    let why = asked["why_copied"].as_str().unwrap_or_default();
    ensure!(asked["path"] == "copy" && why.contains("--no-instant"), "{asked}");
    Ok(())
}

#[tokio::test]
async fn a_plan_asks_the_policies_and_refuses_what_a_run_would() -> Result<()> {
    let cluster = cluster().await?;
    let plan = planned(&cluster, COPIED, &["--policy-param", "cutoff=2h"]).await?;
    ensure!(plan["failover"]["cutoff_ms"] == 7_200_000, "{plan}");
    let refused = outlast::output(
        &cluster.addresses(),
        &["plan", "--no-instant", "ALTER TABLE test.keyless ADD c INT"],
    )
    .await?;
    let said = String::from_utf8_lossy(&refused.stderr);
    ensure!(
        refused.status.code() == Some(REFUSED) && said.contains("no key to copy by"),
        "{said}"
    );
    Ok(())
}

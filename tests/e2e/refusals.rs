//! Clusters that would not keep what a migration writes are refused before anything is created, with the statement that
//! mends them; and mended so, they pass.

use anyhow::{Context, Result, ensure};
use outlast_mysql::STATE_TABLES;
use outlast_testbed::{Cluster, Node, Topology};

use crate::{outlast, scene::PATIENCE};

const COMPLETE: i32 = 0;
const REFUSED: i32 = 3;

const STATEMENT: &str = "ALTER TABLE test.orders ADD COLUMN note INT";

/// A cluster with the table `test.orders`.
async fn cluster_of(nodes: usize, arguments: &[&str]) -> Result<Cluster> {
    let mut builder = Cluster::builder(match nodes {
        1 => Topology::Single,
        nodes => Topology::AsyncGtid { nodes },
    });
    for argument in arguments {
        builder = builder.argument(*argument);
    }
    let cluster = builder.start().await?;
    for sql in [
        "CREATE TABLE test.orders (id INT PRIMARY KEY, v INT)",
        "INSERT INTO test.orders VALUES (1, 1), (2, 2)",
    ] {
        cluster.primary().execute(sql).await?;
    }
    Ok(cluster)
}

async fn all(node: &Node, statements: &str) -> Result<()> {
    for sql in statements.split(';') {
        node.execute(sql.trim()).await.with_context(|| sql.to_owned())?;
    }
    Ok(())
}

async fn said(cluster: &Cluster, arguments: &[&str]) -> Result<(Option<i32>, String)> {
    let output = outlast::output(&cluster.addresses(), arguments).await?;
    let said = String::from_utf8(output.stderr)?;
    println!(
        "outlast {arguments:?}\n  {:?} {}",
        output.status.code(),
        said.trim_end()
    );
    Ok((output.status.code(), said))
}

/// `run`, `submit` and a dry run are refused with all the words, in one line, and nothing is written anywhere.
async fn refused(cluster: &Cluster, words: &[&str]) -> Result<()> {
    let before = cluster.primary().gtid_executed().await?;
    for arguments in [
        &["run", STATEMENT][..],
        &["run", "--no-instant", STATEMENT],
        &["run", "--dry-run", STATEMENT],
        &["submit", STATEMENT],
    ] {
        let (code, said) = said(cluster, arguments).await?;
        ensure!(code == Some(REFUSED), "{arguments:?} ended with {code:?}: {said}");
        ensure!(said.lines().count() == 1, "not one line: {said}");
        for word in words {
            ensure!(said.contains(word), "{word:?} is not in {said}");
        }
    }
    let after = cluster.primary().gtid_executed().await?;
    ensure!(before == after, "it wrote to the primary: {before} became {after}");
    let own: Vec<String> = cluster.primary().query("SHOW DATABASES LIKE '\\_outlast%'").await?;
    ensure!(own.is_empty(), "it left {own:?}");
    Ok(())
}

/// A dry run passes without a word on stderr.
async fn passes(cluster: &Cluster) -> Result<()> {
    let (code, said) = said(cluster, &["run", "--dry-run", "--no-instant", STATEMENT]).await?;
    ensure!(code == Some(COMPLETE) && said.is_empty(), "{code:?}: {said}");
    Ok(())
}

#[tokio::test]
async fn a_replication_filter_that_leaves_out_a_part_of_a_migration_is_refused_until_it_is_mended() -> Result<()> {
    let cluster = cluster_of(2, &[]).await?;
    let replica = cluster.node(1);
    let run =
        |change: &str| format!("STOP REPLICA SQL_THREAD; CHANGE REPLICATION FILTER {change}; START REPLICA SQL_THREAD");
    for (filter, mended) in [
        (
            "REPLICATE_DO_DB = (test)",
            r"REPLICATE_DO_DB = (), REPLICATE_WILD_DO_TABLE = ('test.%', '\_outlast%.%')",
        ),
        (
            "REPLICATE_IGNORE_DB = (logs, _outlast)",
            "REPLICATE_IGNORE_DB = (`logs`)",
        ),
        ("REPLICATE_IGNORE_DB = (logs, test)", "REPLICATE_IGNORE_DB = (`logs`)"),
        (
            "REPLICATE_DO_TABLE = (test.orders)",
            r"REPLICATE_WILD_DO_TABLE = ('\_outlast%.%')",
        ),
        (
            "REPLICATE_IGNORE_TABLE = (test.orders, test.carts)",
            "REPLICATE_IGNORE_TABLE = (`test`.`carts`)",
        ),
        (
            "REPLICATE_WILD_DO_TABLE = ('test.%')",
            r"REPLICATE_WILD_DO_TABLE = ('test.%', '\_outlast%.%')",
        ),
        (
            r"REPLICATE_WILD_IGNORE_TABLE = ('\_outlast\_old%.%', 'logs.%')",
            "REPLICATE_WILD_IGNORE_TABLE = ('logs.%')",
        ),
        (
            "REPLICATE_REWRITE_DB = ((test, copy), (a, b))",
            "REPLICATE_REWRITE_DB = ((`a`, `b`))",
        ),
    ] {
        for (channel, condition) in [("", ""), (" FOR CHANNEL ''", " on channel \"\"")] {
            all(replica, &run(&format!("{filter}{channel}"))).await?;
            let fix = run(&format!("{mended}{channel}"));
            let named = format!("{} filters replication{condition} (REPLICATE_", replica.address());
            refused(&cluster, &[&named, &fix]).await?;
            all(replica, &fix).await?;
            passes(&cluster).await?;
            let none = "REPLICATE_DO_DB = (), REPLICATE_IGNORE_DB = (), REPLICATE_DO_TABLE = (), REPLICATE_IGNORE_TABLE = (), \
                        REPLICATE_WILD_DO_TABLE = (), REPLICATE_WILD_IGNORE_TABLE = (), REPLICATE_REWRITE_DB = ()";
            all(replica, &run(none)).await?;
            all(replica, &run(&format!("{none} FOR CHANNEL ''"))).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_replication_filter_that_touches_nothing_of_a_migration_is_fine() -> Result<()> {
    let cluster = cluster_of(2, &[]).await?;
    let replica = cluster.node(1);
    all(
        replica,
        r"STOP REPLICA SQL_THREAD; CHANGE REPLICATION FILTER REPLICATE_IGNORE_DB = (logs), REPLICATE_IGNORE_TABLE = (test.carts),
          REPLICATE_WILD_DO_TABLE = ('test.%', '\_outlast%.%'), REPLICATE_WILD_IGNORE_TABLE = ('%.tmp\_%');
          START REPLICA SQL_THREAD",
    )
    .await?;
    passes(&cluster).await?;
    // What the names in the check stand for: the replica has all that the migration wrote.
    let (code, said) = said(&cluster, &["run", "--no-instant", STATEMENT]).await?;
    ensure!(code == Some(COMPLETE), "{said}");
    cluster.wait_for_catch_up(1, PATIENCE).await?;
    let tables = "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.TABLES \
                  WHERE TABLE_SCHEMA LIKE '\\_outlast%' OR TABLE_SCHEMA = 'test' ORDER BY 1";
    let here: Vec<String> = cluster.primary().query(tables).await?;
    let there: Vec<String> = replica.query(tables).await?;
    ensure!(here == there, "{here:?} is {there:?} on the replica");
    let mut state: Vec<String> = STATE_TABLES.iter().map(|table| format!("_outlast.{table}")).collect();
    state.sort();
    let found: Vec<String> = here
        .into_iter()
        .filter(|table| table.starts_with("_outlast."))
        .collect();
    ensure!(found == state, "the filters are not checked for all of {found:?}");
    Ok(())
}

#[tokio::test]
async fn a_binlog_that_leaves_out_a_part_of_a_migration_is_refused() -> Result<()> {
    for (argument, named) in [
        ("--binlog-ignore-db=test", "binlog_ignore_db = test"),
        ("--binlog-ignore-db=_outlast", "binlog_ignore_db = _outlast"),
        ("--binlog-do-db=test", "binlog_do_db = test"),
    ] {
        let cluster = cluster_of(1, &[argument]).await?;
        let address = cluster.primary().address();
        refused(&cluster, &[&address, named, "Take the option out of its configuration"]).await?;
    }
    passes(&cluster_of(1, &["--binlog-ignore-db=logs"]).await?).await
}

#[tokio::test]
async fn a_replica_that_commits_out_of_order_is_refused_until_it_is_mended() -> Result<()> {
    let cluster = cluster_of(2, &[]).await?;
    let replica = cluster.node(1);
    all(
        replica,
        "STOP REPLICA SQL_THREAD; SET GLOBAL replica_preserve_commit_order = OFF; SET GLOBAL replica_parallel_workers = 4; \
         START REPLICA SQL_THREAD",
    )
    .await?;
    let fix = "STOP REPLICA SQL_THREAD; SET PERSIST replica_preserve_commit_order = ON; START REPLICA SQL_THREAD";
    let named = format!("{} may commit replicated transactions out of order", replica.address());
    refused(&cluster, &[&named, "replica_parallel_workers is 4", fix]).await?;
    all(replica, fix).await?;
    passes(&cluster).await?;
    all(
        replica,
        "STOP REPLICA SQL_THREAD; SET GLOBAL replica_preserve_commit_order = OFF; SET GLOBAL replica_parallel_workers = 1; \
         START REPLICA SQL_THREAD",
    )
    .await?;
    passes(&cluster).await
}

#[tokio::test]
async fn a_replica_that_could_not_be_the_primary_is_refused_until_it_is_mended() -> Result<()> {
    let cluster = cluster_of(2, &[]).await?;
    let replica = cluster.node(1);
    let address = replica.address();
    let stopped = |change: &str| format!("STOP REPLICA SQL_THREAD; {change}; START REPLICA SQL_THREAD");
    all(replica, &stopped("SET GLOBAL binlog_format = 'STATEMENT'")).await?;
    let named = format!("{address}: binlog_format is STATEMENT");
    refused(&cluster, &[&named, "SET PERSIST binlog_format = 'ROW'"]).await?;
    all(replica, &stopped("SET PERSIST binlog_format = 'ROW'")).await?;
    passes(&cluster).await?;
    replica.execute("SET GLOBAL gtid_mode = 'ON_PERMISSIVE'").await?;
    let named = format!("{address}: gtid_mode is ON_PERMISSIVE");
    refused(&cluster, &[&named, "SET PERSIST gtid_mode"]).await?;
    replica.execute("SET PERSIST gtid_mode = 'ON'").await?;
    passes(&cluster).await
}

#[tokio::test]
async fn a_server_that_does_not_log_what_it_replicates_is_refused() -> Result<()> {
    let cluster = cluster_of(2, &["--log-replica-updates=OFF"]).await?;
    let named = format!("{}: log_replica_updates is off", cluster.node(1).address());
    refused(&cluster, &[&named, "Restart the server with log_replica_updates=ON"]).await
}

#[tokio::test]
async fn a_server_without_a_binlog_is_refused() -> Result<()> {
    let cluster = cluster_of(1, &["--skip-log-bin"]).await?;
    let named = format!("{}: the binlog is off", cluster.primary().address());
    refused(&cluster, &[&named, "without skip_log_bin"]).await
}

#[tokio::test]
async fn a_replica_that_can_not_be_reached_is_named_in_a_warning() -> Result<()> {
    let cluster = cluster_of(2, &[]).await?;
    cluster.wait_for_catch_up(1, PATIENCE).await?;
    cluster.node(1).kill9();
    let address = cluster.node(1).address();
    let (code, said) = said(&cluster, &["run", "--dry-run", STATEMENT]).await?;
    ensure!(code == Some(COMPLETE), "{said}");
    let warned = format!("outlast: warning: {address} could not be checked");
    ensure!(said.starts_with(&warned) && said.lines().count() == 1, "{said}");
    let arguments = ["run", "--dry-run", "--format", "json", STATEMENT];
    let examined = outlast::json(&cluster.addresses(), &arguments).await?;
    let warnings = examined["warnings"].to_string();
    ensure!(warnings.contains(&address), "{examined}");
    Ok(())
}

#[tokio::test]
async fn a_group_with_several_primaries_is_refused_until_it_has_one() -> Result<()> {
    let cluster = Cluster::start(Topology::GroupReplication { nodes: 2 }).await?;
    let primary = cluster.primary();
    primary
        .execute("CREATE TABLE test.orders (id INT PRIMARY KEY, v INT)")
        .await?;
    primary
        .execute("SELECT group_replication_switch_to_multi_primary_mode()")
        .await?;
    let fix = "SELECT group_replication_switch_to_single_primary_mode()";
    refused(&cluster, &["multi-primary group", fix]).await?;
    primary.execute(fix).await?;
    passes(&cluster).await
}

#[tokio::test]
async fn what_a_copy_takes_of_the_disk_is_told_beforehand() -> Result<()> {
    let cluster = cluster_of(1, &[]).await?;
    let arguments = ["run", "--dry-run", "--no-instant", "--format", "json", STATEMENT];
    let space = outlast::json(&cluster.addresses(), &arguments).await?["space"].clone();
    let bytes = |name: &str| space[name].as_u64().with_context(|| format!("{name} in {space}"));
    // A page is what InnoDB gives the smallest table. The server runs here, so what is free is known.
    ensure!(
        bytes("table_bytes")? >= 16384 && bytes("binlog_bytes")? >= 16384,
        "{space}"
    );
    ensure!(bytes("free_bytes")? > bytes("table_bytes")?, "{space}");
    let arguments = ["run", "--dry-run", "--format", "json", STATEMENT];
    let instant = outlast::json(&cluster.addresses(), &arguments).await?;
    ensure!(
        instant["space"].is_null(),
        "an instant change takes no space: {instant}"
    );
    Ok(())
}

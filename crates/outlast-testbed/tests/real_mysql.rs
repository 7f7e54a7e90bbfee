//! The testbed against real servers.
#![allow(clippy::unwrap_used, reason = "a test that can't go on shall panic")]

use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use outlast_testbed::{
    Cluster, Distribution, LoadOptions, Proxy, RelayLog, SmallDisk, TableName, Topology, WriteLoad, compare,
    create_and_fill, eventually, expect_identical, native_copy,
};

const SOON: Duration = Duration::from_secs(20);

async fn start(topology: Topology) -> Cluster {
    let started = Instant::now();
    let cluster = Cluster::start(topology).await.unwrap();
    println!("{topology:?} ready after {:?}", started.elapsed());
    cluster
}

async fn count_everywhere(cluster: &Cluster, sql: &str, expected: u64) {
    for node in cluster.nodes() {
        cluster.wait_for_catch_up(node.index(), SOON).await.unwrap();
        assert_eq!(
            node.query_one::<u64>(sql).await.unwrap(),
            expected,
            "node {}",
            node.index()
        );
    }
}

#[test]
fn a_server_is_found_or_unpacked_once_even_by_two_at_once() {
    let find = || Distribution::find_or_unpack(&|line| println!("{line}")).unwrap();
    let other = std::thread::spawn(find);
    let version = find().version();
    assert_eq!(other.join().unwrap().version(), version);
    let again = Instant::now();
    find();
    assert!(again.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn asynchronous_nodes_survive_a_crash_and_a_switchover() {
    let cluster = start(Topology::AsyncGtid { nodes: 3 }).await;
    cluster
        .primary()
        .execute("CREATE TABLE test.t (id INT PRIMARY KEY)")
        .await
        .unwrap();
    cluster
        .primary()
        .execute("INSERT INTO test.t VALUES (1)")
        .await
        .unwrap();
    assert!(
        cluster.node(1).execute("INSERT INTO test.t VALUES (9)").await.is_err(),
        "a replica is writable"
    );
    cluster.wait_for_catch_up(1, SOON).await.unwrap();

    cluster.primary().kill9();
    assert!(cluster.node(0).connect().await.is_err());
    cluster.promote(1, RelayLog::AppliedFirst).await.unwrap();
    assert_eq!(*cluster.primary_watch().borrow(), cluster.node(1).address());
    cluster
        .primary()
        .execute("INSERT INTO test.t VALUES (2)")
        .await
        .unwrap();

    assert!(cluster.rejoin(0).await.unwrap().is_clean());
    assert!(
        cluster.node(0).execute("INSERT INTO test.t VALUES (9)").await.is_err(),
        "an old primary is writable"
    );
    cluster.wait_for_catch_up(0, SOON).await.unwrap();
    cluster.switchover(0).await.unwrap();
    cluster
        .primary()
        .execute("INSERT INTO test.t VALUES (3)")
        .await
        .unwrap();
    cluster.primary().restart().await.unwrap();
    cluster
        .primary()
        .execute("INSERT INTO test.t VALUES (4)")
        .await
        .unwrap();
    count_everywhere(&cluster, "SELECT COUNT(*) FROM test.t", 4).await;
}

#[tokio::test]
async fn a_lossy_promotion_shows_its_errant_transactions_and_a_rebuild_removes_them() {
    let cluster = start(Topology::AsyncGtid { nodes: 2 }).await;
    cluster
        .primary()
        .execute("CREATE TABLE test.t (id INT PRIMARY KEY)")
        .await
        .unwrap();
    cluster.wait_for_catch_up(1, SOON).await.unwrap();
    cluster.node(1).execute("STOP REPLICA IO_THREAD").await.unwrap();
    cluster
        .primary()
        .execute("INSERT INTO test.t VALUES (1)")
        .await
        .unwrap();
    cluster.primary().kill9();
    cluster.promote(1, RelayLog::AppliedFirst).await.unwrap();
    let rejoined = cluster.rejoin(0).await.unwrap();
    assert!(!rejoined.is_clean(), "{rejoined:?}");
    assert!(cluster.rebuild(0).await.unwrap().is_clean());
    count_everywhere(&cluster, "SELECT COUNT(*) FROM test.t", 0).await;
}

#[tokio::test]
async fn a_careless_promotion_leaves_a_backlog_that_is_applied_while_the_node_is_writable() {
    let cluster = start(Topology::AsyncGtid { nodes: 2 }).await;
    cluster
        .primary()
        .execute("CREATE TABLE test.t (id INT PRIMARY KEY)")
        .await
        .unwrap();
    cluster.wait_for_catch_up(1, SOON).await.unwrap();
    cluster.pause_applier(1).await.unwrap();
    cluster
        .primary()
        .execute("INSERT INTO test.t VALUES (1)")
        .await
        .unwrap();
    let written = cluster.primary().gtid_executed().await.unwrap();
    eventually("the replica receives", SOON, || async {
        let sql =
            "SELECT GTID_SUBSET(?, RECEIVED_TRANSACTION_SET) FROM performance_schema.replication_connection_status";
        let mut conn = cluster.node(1).connect().await?;
        let received: Option<bool> = conn.exec_first(sql, (&written,)).await?;
        anyhow::ensure!(received == Some(true), "not all");
        Ok(())
    })
    .await
    .unwrap();
    cluster.primary().kill9();
    cluster.promote(1, RelayLog::LeftUnapplied).await.unwrap();
    let rows = "SELECT COUNT(*) FROM test.t";
    assert_eq!(cluster.primary().query_one::<u64>(rows).await.unwrap(), 0);
    cluster
        .primary()
        .execute("INSERT INTO test.t VALUES (2)")
        .await
        .unwrap();
    cluster.resume_applier(1).await.unwrap();
    cluster.primary().wait_for_gtids(&written, SOON).await.unwrap();
    assert_eq!(cluster.primary().query_one::<u64>(rows).await.unwrap(), 2);
}

#[tokio::test]
async fn a_delayed_replica_lags_and_is_promoted_without_waiting() {
    let cluster = start(Topology::AsyncGtid { nodes: 2 }).await;
    cluster.set_delay(1, 3600).await.unwrap();
    cluster
        .primary()
        .execute("CREATE TABLE test.t (id INT PRIMARY KEY)")
        .await
        .unwrap();
    assert!(cluster.wait_for_catch_up(1, Duration::from_secs(1)).await.is_err());
    cluster.primary().suspend().unwrap();
    cluster.promote(1, RelayLog::AppliedFirst).await.unwrap();
    cluster
        .primary()
        .execute("INSERT INTO test.t VALUES (1)")
        .await
        .unwrap();
    cluster.node(0).resume().unwrap();
    cluster.make_writable(0).await.unwrap();
    cluster
        .node(0)
        .execute("CREATE TABLE test.split_brain (id INT)")
        .await
        .unwrap();
    assert!(!cluster.rejoin(0).await.unwrap().is_clean());
}

#[tokio::test]
async fn semi_synchronous_commits_survive_repeated_crashes() {
    let cluster = start(Topology::SemiSync { nodes: 3 }).await;
    let table = TableName::new("test", "customers");
    create_and_fill(&mut cluster.primary().connect().await.unwrap(), &table, 10_000)
        .await
        .unwrap();
    let load = WriteLoad::start(cluster.primary_watch(), &table, LoadOptions::default())
        .await
        .unwrap();
    for _ in 0..2 {
        load.wait_for_progress(200, SOON).await.unwrap();
        let old = cluster.primary_index();
        cluster.primary().kill9();
        let next = cluster.best_candidate().await.unwrap();
        cluster.promote(next, RelayLog::AppliedFirst).await.unwrap();
        load.wait_for_progress(100, SOON).await.unwrap();
        // Its last transactions may have reached no replica; none of them was acknowledged.
        if !cluster.rejoin(old).await.unwrap().is_clean() {
            assert!(cluster.rebuild(old).await.unwrap().is_clean());
        }
    }
    load.wait_for_progress(100, SOON).await.unwrap();
    let report = load.stop().await.unwrap();
    assert!(report.unexplained_errors().is_empty(), "{report:?}");
    let mut conn = cluster.primary().connect().await.unwrap();
    let verified = report.verify_acknowledged(&mut conn).await.unwrap();
    println!(
        "{} acknowledged, {} rows, {} in doubt",
        report.acknowledged, verified.rows, verified.in_doubt
    );
    verified.expect_no_loss().unwrap();
}

#[tokio::test]
async fn a_group_elects_another_primary_by_itself() {
    let cluster = start(Topology::GroupReplication { nodes: 3 }).await;
    cluster
        .primary()
        .execute("CREATE TABLE test.t (id INT PRIMARY KEY)")
        .await
        .unwrap();
    cluster.switchover(2).await.unwrap();
    cluster
        .primary()
        .execute("INSERT INTO test.t VALUES (1)")
        .await
        .unwrap();
    let killed = Instant::now();
    cluster.primary().kill9();
    let elected = cluster
        .wait_for_new_group_primary(Duration::from_secs(60))
        .await
        .unwrap();
    println!("elected node {elected} after {:?}", killed.elapsed());
    assert_ne!(elected, 2);
    cluster
        .primary()
        .execute("INSERT INTO test.t VALUES (2)")
        .await
        .unwrap();
    assert!(cluster.rejoin(2).await.unwrap().is_clean());
    assert!(
        cluster.node(2).execute("INSERT INTO test.t VALUES (9)").await.is_err(),
        "a rejoined member is writable"
    );
    count_everywhere(&cluster, "SELECT COUNT(*) FROM test.t", 2).await;
}

#[tokio::test]
async fn a_proxy_moves_cuts_and_freezes() {
    let cluster = start(Topology::AsyncGtid { nodes: 2 }).await;
    let proxy = Proxy::start(cluster.node(0).address()).await.unwrap();
    let url = format!("mysql://root@{}?prefer_socket=false", proxy.address());
    let connect = async || mysql_async::Conn::from_url(&url).await;
    let mut first = connect().await.unwrap();
    let who = "SELECT @@server_id";

    proxy.point_to(cluster.node(1).address());
    assert_eq!(first.query_first::<u32, _>(who).await.unwrap(), Some(1));
    let mut second = connect().await.unwrap();
    assert_eq!(second.query_first::<u32, _>(who).await.unwrap(), Some(2));

    proxy.freeze();
    let answer = tokio::time::timeout(Duration::from_millis(300), second.query_first::<u32, _>(who)).await;
    assert!(answer.is_err(), "a frozen wire delivered");
    proxy.thaw();

    proxy.point_to_and_cut(cluster.node(0).address());
    assert!(first.query_first::<u32, _>(who).await.is_err());
    proxy.cut().await;
    assert!(connect().await.is_err());
    proxy.restore().await.unwrap();
    assert_eq!(
        connect().await.unwrap().query_first::<u32, _>(who).await.unwrap(),
        Some(1)
    );
}

#[tokio::test]
async fn a_wired_replica_falls_behind_while_its_wire_is_cut_and_the_reported_addresses_are_those_of_proxies() {
    let cluster = Cluster::builder(Topology::AsyncGtid { nodes: 2 })
        .wired()
        .start()
        .await
        .unwrap();
    let reported: u16 = cluster.node(0).query_one("SELECT @@report_port").await.unwrap();
    assert_eq!(reported, cluster.client_wire(0).unwrap().port());
    assert_eq!(
        cluster.reported_addresses()[0],
        cluster.client_wire(0).unwrap().address()
    );
    let wire = cluster.replication_wire(0).unwrap();
    wire.cut().await;
    cluster
        .primary()
        .execute("CREATE TABLE test.t (id INT PRIMARY KEY)")
        .await
        .unwrap();
    assert!(cluster.wait_for_catch_up(1, Duration::from_secs(2)).await.is_err());
    wire.restore().await.unwrap();
    cluster.wait_for_catch_up(1, SOON).await.unwrap();
    // After a switchover, the old primary receives through the wires of the new one.
    cluster.switchover(1).await.unwrap();
    cluster.replication_wire(1).unwrap().cut().await;
    cluster
        .primary()
        .execute("INSERT INTO test.t VALUES (1)")
        .await
        .unwrap();
    assert!(cluster.wait_for_catch_up(0, Duration::from_secs(2)).await.is_err());
}

#[tokio::test]
#[ignore = "mounts file systems, which only root may; `cargo xtask test` asks for it where that is possible"]
async fn a_full_disk_stops_a_server_and_its_data_survive_when_there_is_space_again() {
    for disk in [SmallDisk::Binlogs, SmallDisk::Data] {
        let cluster = Cluster::builder(Topology::Single)
            .small_disk(disk)
            .start()
            .await
            .unwrap();
        let node = cluster.primary();
        node.execute("CREATE TABLE test.t (id INT PRIMARY KEY, v LONGBLOB)")
            .await
            .unwrap();
        node.fill_disk().unwrap();
        let much = node.execute("INSERT INTO test.t VALUES (1, REPEAT('x', 30000000))");
        let written = tokio::time::timeout(Duration::from_secs(5), much).await;
        assert!(!matches!(written, Ok(Ok(()))), "{disk:?}: there was space");
        node.kill9();
        node.free_disk().unwrap();
        node.start().await.unwrap();
        node.execute("INSERT INTO test.t VALUES (2, REPEAT('x', 1000))")
            .await
            .unwrap();
        assert_eq!(
            node.query_one::<u64>("SELECT COUNT(*) FROM test.t WHERE id = 2")
                .await
                .unwrap(),
            1
        );
    }
}

#[tokio::test]
async fn a_load_fails_nowhere_across_an_alter_and_a_switchover_and_keeps_its_promises() {
    let cluster = start(Topology::AsyncGtid { nodes: 2 }).await;
    let table = TableName::new("test", "customers");
    let filling = Instant::now();
    create_and_fill(&mut cluster.primary().connect().await.unwrap(), &table, 100_000)
        .await
        .unwrap();
    println!("100,000 rows in {:?}", filling.elapsed());
    let paced = LoadOptions {
        transactions_per_second: Some(300.0),
        ..LoadOptions::default()
    };
    let load = WriteLoad::start(cluster.primary_watch(), &table, paced).await.unwrap();
    load.wait_for_progress(300, SOON).await.unwrap();
    cluster
        .primary()
        .execute("ALTER TABLE test.customers ADD note TEXT, MODIFY payload VARCHAR(2000)")
        .await
        .unwrap();
    cluster.switchover(1).await.unwrap();
    load.wait_for_progress(300, SOON).await.unwrap();
    let report = load.stop().await.unwrap();
    println!(
        "{} acknowledged, {:?} per second, longest stall {:?}, errors {:?}",
        report.acknowledged, report.acknowledged_per_second, report.longest_stall, report.server_errors
    );
    assert!(report.unexplained_errors().is_empty(), "{report:?}");
    let mut conn = cluster.primary().connect().await.unwrap();
    report
        .verify_acknowledged(&mut conn)
        .await
        .unwrap()
        .expect_no_loss()
        .unwrap();

    // Whatever is lost behind the writers' backs is found.
    conn.query_drop("DELETE FROM test.customers WHERE writer > 0 ORDER BY id DESC LIMIT 1")
        .await
        .unwrap();
    conn.query_drop("UPDATE test.customers SET version = 1 WHERE writer > 0 LIMIT 1")
        .await
        .unwrap();
    assert_eq!(report.verify_acknowledged(&mut conn).await.unwrap().lost.len(), 2);
}

#[tokio::test]
async fn many_writers_cause_no_errors_among_themselves_but_rare_deadlocks() {
    let cluster = start(Topology::Single).await;
    let table = TableName::new("test", "customers");
    create_and_fill(&mut cluster.primary().connect().await.unwrap(), &table, 2_000)
        .await
        .unwrap();
    let many = LoadOptions {
        writers: 16,
        ..LoadOptions::default()
    };
    let load = WriteLoad::start(cluster.primary_watch(), &table, many).await.unwrap();
    load.wait_for_progress(6_000, Duration::from_secs(60)).await.unwrap();
    let report = load.stop().await.unwrap();
    println!("{} acknowledged in {:?}", report.acknowledged, report.duration);
    assert!(
        report.unexplained_errors().is_empty() && report.connection_errors == 0,
        "{report:?}"
    );
    assert!(report.deadlocks() * 200 < report.acknowledged, "{report:?}");
    let mut conn = cluster.primary().connect().await.unwrap();
    report
        .verify_acknowledged(&mut conn)
        .await
        .unwrap()
        .expect_no_loss()
        .unwrap();
}

#[tokio::test]
async fn comparison_finds_a_planted_difference_of_any_type() {
    let cluster = start(Topology::Single).await;
    let mut conn = cluster.primary().connect().await.unwrap();
    let source = TableName::new("test", "every type");
    conn.query_drop(format!(
        "CREATE TABLE {source} (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, s VARCHAR(50) COLLATE utf8mb4_0900_ai_ci, \
         l VARCHAR(20) CHARACTER SET latin1, b VARBINARY(20), t TEXT, d DECIMAL(20,6), f FLOAT, g DOUBLE, \
         ts TIMESTAMP(6) NULL, dt DATETIME(3), y YEAR, e ENUM('a','b'), st SET('x','y'), bits BIT(9), j JSON, \
         p POINT, n INT GENERATED ALWAYS AS (LENGTH(s)) STORED, hidden INT INVISIBLE, CHECK (d >= 0))"
    ))
    .await
    .unwrap();
    conn.query_drop(format!(
        "INSERT INTO {source} (s, l, b, t, d, f, g, ts, dt, y, e, st, bits, j, p, hidden) VALUES \
         ('a', 'é', X'00FF', 'text', 1.5, 16777217, 0.1, '2024-01-01 00:00:00.000001', '2024-01-01 00:00:00.001', 2024, 'a', \
          'x,y', b'101', '{{\"k\": [1, 2.0]}}', POINT(1, 2), 7), \
         (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
    ))
    .await
    .unwrap();
    let changes = [
        "s = 'A'",
        "l = 'e'",
        "b = X'00FE'",
        "t = 'Text'",
        "d = 1.500001",
        "f = 16777220",
        "g = 0.1e0 + 0.2e0 - 0.2e0",
        "ts = ts + INTERVAL 1 MICROSECOND",
        "dt = NULL",
        "y = 2023",
        "e = 'b'",
        "st = 'x'",
        "bits = b'100'",
        "j = '{\"k\": [1, 3]}'",
        "p = POINT(1, 3)",
        "hidden = NULL",
    ];
    let copy = TableName::new("test", "copy");
    native_copy(&mut conn, &source, &copy, "ENGINE=InnoDB").await.unwrap();
    expect_identical(&mut conn, &source, &copy).await.unwrap();
    for change in changes {
        conn.query_drop("START TRANSACTION").await.unwrap();
        conn.query_drop(format!("UPDATE {copy} SET {change} WHERE id = 1"))
            .await
            .unwrap();
        let comparison = compare(&mut conn, &source, &copy).await.unwrap();
        assert_eq!(comparison.differences.len(), 2, "{change}: {comparison:?}");
        conn.query_drop("ROLLBACK").await.unwrap();
    }
    conn.query_drop(format!("DELETE FROM {copy} WHERE id = 2"))
        .await
        .unwrap();
    let shown = expect_identical(&mut conn, &source, &copy).await.unwrap_err();
    assert!(format!("{shown:#}").contains("only left: id=2, s=NULL"), "{shown:#}");

    let altered = TableName::new("test", "altered");
    native_copy(&mut conn, &source, &altered, "MODIFY e ENUM('a','b','c')")
        .await
        .unwrap();
    let shown = expect_identical(&mut conn, &source, &altered).await.unwrap_err();
    assert!(format!("{shown:#}").contains("enum('a','b','c')"), "{shown:#}");
}

#[tokio::test]
async fn comparing_a_large_table_takes_seconds() {
    let cluster = start(Topology::Single).await;
    let mut conn = cluster.primary().connect().await.unwrap();
    let (source, copy) = (TableName::new("test", "customers"), TableName::new("test", "copy"));
    let filling = Instant::now();
    create_and_fill(&mut conn, &source, 300_000).await.unwrap();
    println!("300,000 rows in {:?}", filling.elapsed());
    native_copy(&mut conn, &source, &copy, "ENGINE=InnoDB").await.unwrap();
    let comparing = Instant::now();
    expect_identical(&mut conn, &source, &copy).await.unwrap();
    println!("compared in {:?}", comparing.elapsed());
}

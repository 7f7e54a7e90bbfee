//! The testbed against real servers.

use outlast_testbed::{Cluster, RelayLog, Topology};
use std::time::{Duration, Instant};

#[tokio::test]
async fn asynchronous_cluster_survives_a_crash_and_a_switchover() {
    let started = Instant::now();
    let cluster = Cluster::start(Topology::AsyncGtid { nodes: 3 }).await.unwrap();
    println!("three asynchronous nodes: {:?}", started.elapsed());
    cluster.primary().execute("CREATE TABLE test.t (id INT PRIMARY KEY)").await.unwrap();
    cluster.primary().execute("INSERT INTO test.t VALUES (1)").await.unwrap();
    cluster.wait_for_catch_up(1, Duration::from_secs(10)).await.unwrap();
    cluster.primary().kill9();
    cluster.promote(1, RelayLog::AppliedFirst).await.unwrap();
    cluster.primary().execute("INSERT INTO test.t VALUES (2)").await.unwrap();
    assert!(cluster.rejoin(0).await.unwrap().is_clean());
    cluster.wait_for_catch_up(0, Duration::from_secs(10)).await.unwrap();
    cluster.switchover(0).await.unwrap();
    cluster.primary().execute("INSERT INTO test.t VALUES (3)").await.unwrap();
    for index in cluster.replicas() {
        cluster.wait_for_catch_up(index, Duration::from_secs(10)).await.unwrap();
        let rows: u64 = cluster.node(index).query_one("SELECT COUNT(*) FROM test.t").await.unwrap();
        assert_eq!(rows, 3);
    }
}

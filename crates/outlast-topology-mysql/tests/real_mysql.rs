//! Topologies of real servers.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use outlast_core::{ErrorKind, GtidSet, Server, ServerUuid, Topology, topology::Sight};
use outlast_mysql::Connector;
use outlast_testbed::{Cluster, Node, RelayLog, Topology as Shape, accounts};
use outlast_topology_mysql::{GroupReplication, MySqlTopology, ProbedList, SingleEndpoint};

fn connector() -> Connector {
    Connector::new(accounts::OUTLAST_USER, Some(accounts::OUTLAST_PASSWORD.to_owned()))
}

async fn server(node: &Node) -> Server {
    Server {
        uuid: ServerUuid::new(node.server_uuid().await.unwrap()),
        address: node.address(),
    }
}

/// Looks until the primary is `expected`; returns how long it took.
async fn until_primary(topology: &dyn Topology, expected: &Server, limit: Duration) -> Duration {
    let started = Instant::now();
    loop {
        let seen = topology.observe().await.unwrap();
        if seen == Sight::Primary(expected.clone()) {
            return started.elapsed();
        }
        assert!(started.elapsed() < limit, "{seen:?}, expected {expected}");
        tokio::time::sleep(topology.probe_interval()).await;
    }
}

#[tokio::test]
async fn a_promotion_is_seen_whoever_does_it_and_from_whichever_server_is_known() {
    let cluster = Cluster::start(Shape::AsyncGtid { nodes: 3 }).await.unwrap();
    let servers = [
        server(cluster.node(0)).await,
        server(cluster.node(1)).await,
        server(cluster.node(2)).await,
    ];
    // Only a replica is named: the primary is its source, and the other replica is its source's.
    let list = ProbedList::new(connector(), [cluster.node(1).address()]);
    let auto = MySqlTopology::auto(connector(), [cluster.node(0).address()]);
    until_primary(&list, &servers[0], Duration::from_secs(3)).await;
    until_primary(&auto, &servers[0], Duration::from_secs(3)).await;

    cluster.switchover(2).await.unwrap();
    until_primary(&list, &servers[2], Duration::from_secs(3)).await;
    until_primary(&auto, &servers[2], Duration::from_secs(3)).await;

    cluster.make_writable(1).await.unwrap();
    cluster.node(1).execute("STOP REPLICA").await.unwrap();
    assert!(matches!(list.observe().await.unwrap(), Sight::SplitBrain(both) if both.len() == 2));
    cluster.node(1).execute("START REPLICA").await.unwrap();
    until_primary(&list, &servers[2], Duration::from_secs(3)).await;
    cluster
        .node(1)
        .execute("SET GLOBAL super_read_only = ON")
        .await
        .unwrap();

    cluster.node(2).suspend().unwrap();
    list.observe().await.unwrap();
    let started = Instant::now();
    assert!(matches!(list.observe().await.unwrap(), Sight::NoPrimary { .. }));
    assert!(
        started.elapsed() < Duration::from_millis(1100),
        "{:?}",
        started.elapsed()
    );
    cluster.promote(1, RelayLog::AppliedFirst).await.unwrap();
    println!(
        "frozen primary: seen after {:?}",
        until_primary(&list, &servers[1], Duration::from_secs(2)).await
    );
    cluster.node(2).kill9();
    until_primary(&list, &servers[1], Duration::from_secs(2)).await;
}

#[tokio::test]
async fn a_received_but_unapplied_transaction_is_reported() {
    let cluster = Cluster::start(Shape::AsyncGtid { nodes: 2 }).await.unwrap();
    let replica = server(cluster.node(1)).await;
    let topology = MySqlTopology::auto(connector(), cluster.addresses());
    let state = topology.inspect(&server(cluster.node(0)).await).await.unwrap();
    assert!(state.writable && state.unapplied.is_empty() && state.purged.is_empty());
    assert!(state.clock_skew_ms.abs() < 1000, "{}", state.clock_skew_ms);

    cluster.pause_applier(1).await.unwrap();
    let before = topology.inspect(&replica).await.unwrap();
    assert!(!before.writable && before.unapplied.is_empty());
    cluster
        .node(0)
        .execute("CREATE TABLE test.t (id INT PRIMARY KEY)")
        .await
        .unwrap();
    let executed: GtidSet = cluster.node(0).gtid_executed().await.unwrap().parse().unwrap();
    let expected = vec![(String::new(), executed.minus(&before.executed))];
    let started = Instant::now();
    while topology.inspect(&replica).await.unwrap().unapplied != expected {
        assert!(started.elapsed() < Duration::from_secs(5));
    }
    // Stopping the receiver doesn't make it executed; throwing the relay log away does away with it.
    cluster.node(0).kill9();
    cluster.node(1).execute("STOP REPLICA").await.unwrap();
    cluster.make_writable(1).await.unwrap();
    let state = topology.inspect(&replica).await.unwrap();
    assert!(state.writable);
    assert_eq!(state.unapplied, expected);
    cluster.node(1).execute("RESET REPLICA ALL").await.unwrap();
    assert!(topology.inspect(&replica).await.unwrap().unapplied.is_empty());

    let stranger = Server {
        uuid: ServerUuid::new("00000000-0000-0000-0000-000000000000"),
        address: replica.address.clone(),
    };
    assert_eq!(topology.inspect(&stranger).await.unwrap_err().kind(), ErrorKind::Fenced);
    let gone = topology.inspect(&server_of(&cluster, 0)).await;
    assert_eq!(gone.unwrap_err().kind(), ErrorKind::ServerGone);
}

fn server_of(cluster: &Cluster, index: usize) -> Server {
    Server {
        uuid: ServerUuid::new("x"),
        address: cluster.node(index).address(),
    }
}

#[tokio::test]
async fn what_no_waiting_mends_is_an_error() {
    let cluster = Cluster::start(Shape::Single).await.unwrap();
    let addresses = || cluster.addresses();
    let stranger = Connector::new("outlast", Some("wrong".to_owned()));
    let denied = MySqlTopology::auto(stranger, addresses()).observe().await;
    assert_eq!(denied.unwrap_err().kind(), ErrorKind::AccessDenied);
    cluster
        .primary()
        .execute("CREATE USER weak IDENTIFIED BY 'weak'")
        .await
        .unwrap();
    let weak = Connector::new("weak", Some("weak".to_owned()));
    let denied = MySqlTopology::auto(weak, addresses()).observe().await.unwrap_err();
    assert_eq!(denied.kind(), ErrorKind::AccessDenied);
    assert!(
        denied.message().contains("GRANT SELECT ON performance_schema"),
        "{denied}"
    );
    cluster
        .primary()
        .execute("SET GLOBAL gtid_mode = ON_PERMISSIVE")
        .await
        .unwrap();
    let without = MySqlTopology::auto(connector(), addresses()).observe().await;
    assert_eq!(without.unwrap_err().kind(), ErrorKind::Refused);
    cluster.primary().kill9();
    let nobody = MySqlTopology::auto(connector(), addresses()).observe().await;
    assert!(matches!(nobody.unwrap(), Sight::NoPrimary { .. }));
}

#[tokio::test]
async fn one_address_shows_whoever_is_behind_it() {
    let cluster = Cluster::start(Shape::AsyncGtid { nodes: 2 }).await.unwrap();
    let endpoint = SingleEndpoint::new(connector(), cluster.node(0).address());
    assert_eq!(
        endpoint.observe().await.unwrap(),
        Sight::Primary(server(cluster.node(0)).await)
    );
    cluster.switchover(1).await.unwrap();
    assert!(matches!(endpoint.observe().await.unwrap(), Sight::NoPrimary { .. }));
}

#[tokio::test]
async fn a_group_elects_its_primary() {
    let cluster = Cluster::start(Shape::GroupReplication { nodes: 3 }).await.unwrap();
    let servers = [
        server(cluster.node(0)).await,
        server(cluster.node(1)).await,
        server(cluster.node(2)).await,
    ];
    let group = GroupReplication::new(connector(), [cluster.node(2).address()]);
    let auto = MySqlTopology::auto(connector(), [cluster.node(1).address()]);
    until_primary(&group, &servers[0], Duration::from_secs(3)).await;
    until_primary(&auto, &servers[0], Duration::from_secs(3)).await;
    let state = auto.inspect(&servers[0]).await.unwrap();
    assert!(state.writable && state.unapplied.is_empty(), "{state:?}");
    assert!(!auto.inspect(&servers[1]).await.unwrap().writable);

    cluster.switchover(1).await.unwrap();
    until_primary(&group, &servers[1], Duration::from_secs(5)).await;
    cluster.node(1).kill9();
    let started = Instant::now();
    let elected = loop {
        match auto.observe().await.unwrap() {
            Sight::Primary(server) if server != servers[1] => break server,
            seen => assert!(started.elapsed() < Duration::from_secs(30), "{seen:?}"),
        }
        tokio::time::sleep(auto.probe_interval()).await;
    };
    println!("elected after {:?}: {elected}", started.elapsed());
    assert!(auto.inspect(&elected).await.unwrap().writable);

    // Restarted, a member takes writes before it has joined again; it is no primary all the same.
    cluster.node(1).start().await.unwrap();
    cluster
        .node(1)
        .execute("SET GLOBAL super_read_only = OFF")
        .await
        .unwrap();
    cluster.node(1).execute("SET GLOBAL read_only = OFF").await.unwrap();
    let alone = SingleEndpoint::new(connector(), cluster.node(1).address());
    assert!(matches!(alone.observe().await.unwrap(), Sight::NoPrimary { .. }));
    assert!(!auto.inspect(&servers[1]).await.unwrap().writable);
    assert_eq!(auto.observe().await.unwrap(), Sight::Primary(elected));
}

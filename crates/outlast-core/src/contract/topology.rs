//! The contract of [`Topology`].

use std::{future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::join_all;

use super::{ClusterFixture, failure};
use crate::{
    error::{ErrorKind, Result},
    ids::{Server, ServerUuid},
    topology::{Finding, Severity, Sight, Topology},
};

/// How long a topology may take to notice what has happened.
const NOTICE: Duration = Duration::from_secs(20);

/// What the suite needs of a backend: a primary and a replica that follows it, and faults. The tests leave the cluster as
/// the faults made it, so a shared one is brought into its starting state for each fixture.
#[async_trait]
pub trait TopologyFixture: ClusterFixture {
    /// The topology, which knows both servers, or finds them.
    fn topology(&self) -> Arc<dyn Topology>;

    /// Commits one transaction on the server, whatever it does.
    async fn commit(&self, server: &Server);

    /// Switches the server's `super_read_only` off or on.
    async fn set_writable(&self, server: &Server, writable: bool);

    /// The replica goes on receiving and executes no more. Returns when it has stopped.
    async fn stop_applying(&self);

    /// Returns once the replica has received everything that the primary has committed, executed or not.
    async fn received(&self);

    /// Sets a replica up so that it would lack the rows of every migration, and back.
    async fn set_fit(&self, fit: bool);

    /// The replica forgets its source, as in a promotion. It stays read-only.
    async fn detach(&self);
}

/// Stamps the suite's tests onto a backend: `topology_suite!(fixture)`, where `fixture` may await.
#[macro_export]
macro_rules! topology_suite {
    ($fixture:expr) => {
        $crate::stamp_contract! { $fixture, topology:
            the_server_that_takes_writes_is_the_primary
            looking_changes_nothing
            looks_at_the_same_time_agree
            without_a_writable_server_there_is_no_primary
            a_planned_promotion_is_seen
            a_writable_replica_of_the_primary_is_no_second_primary
            two_writable_servers_are_a_split_brain
            inspecting_tells_what_is_executed
            inspecting_tells_who_takes_writes
            transactions_received_and_not_executed_are_reported
            a_server_with_another_uuid_is_fenced
            a_server_that_does_not_answer_is_gone
            a_cluster_that_is_fit_has_nothing_against_a_migration
            a_replica_that_would_lack_rows_speaks_against_a_migration
        }
    };
}

/// Looks until the sight is as wanted.
async fn eventually<T>(what: &str, look: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
    let until = tokio::time::Instant::now() + NOTICE;
    loop {
        if let Some(seen) = look().await? {
            return Ok(seen);
        }
        assert!(
            tokio::time::Instant::now() < until,
            "{what} was not seen within {NOTICE:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn is_primary(sight: &Sight, server: &Server) -> bool {
    matches!(sight, Sight::Primary(seen) if seen.uuid == server.uuid)
}

fn sees_primary(fixture: &impl TopologyFixture, server: Server) -> impl Future<Output = Result<()>> {
    let topology = fixture.topology();
    async move {
        let what = format!("{server} as the primary");
        eventually(&what, async || {
            Ok(is_primary(&topology.observe().await?, &server).then_some(()))
        })
        .await
    }
}

/// The usual case.
pub async fn the_server_that_takes_writes_is_the_primary(fixture: &impl TopologyFixture) -> Result<()> {
    let sight = fixture.topology().observe().await?;
    assert!(is_primary(&sight, &fixture.primary()), "{sight:?}");
    Ok(())
}

/// Neither observing nor inspecting leaves a trace on a server.
pub async fn looking_changes_nothing(fixture: &impl TopologyFixture) -> Result<()> {
    let (topology, replica) = (fixture.topology(), fixture.replica());
    fixture.replicated().await;
    let before = topology.inspect(&replica).await?.executed;
    for _ in 0..5 {
        topology.observe().await?;
        topology.inspect(&fixture.primary()).await?;
    }
    fixture.replicated().await;
    assert_eq!(topology.inspect(&replica).await?.executed, before);
    Ok(())
}

/// It may be asked as often as wanted.
pub async fn looks_at_the_same_time_agree(fixture: &impl TopologyFixture) -> Result<()> {
    let topology = fixture.topology();
    for sight in join_all((0..8).map(|_| topology.observe())).await {
        let sight = sight?;
        assert!(is_primary(&sight, &fixture.primary()), "{sight:?}");
    }
    Ok(())
}

/// Between two primaries people are told why there is none, server by server.
pub async fn without_a_writable_server_there_is_no_primary(fixture: &impl TopologyFixture) -> Result<()> {
    fixture.set_writable(&fixture.primary(), false).await;
    let topology = fixture.topology();
    let reason = eventually("no primary", async || {
        Ok(match topology.observe().await? {
            Sight::NoPrimary { reason } => Some(reason),
            _ => None,
        })
    })
    .await?;
    for server in [fixture.primary(), fixture.replica()] {
        assert!(
            reason.contains(&server.address),
            "{reason:?} says nothing about {server}"
        );
    }
    fixture.set_writable(&fixture.primary(), true).await;
    sees_primary(fixture, fixture.primary()).await
}

/// Nobody tells the topology; it looks.
pub async fn a_planned_promotion_is_seen(fixture: &impl TopologyFixture) -> Result<()> {
    fixture.set_writable(&fixture.primary(), false).await;
    fixture.replicated().await;
    fixture.detach().await;
    fixture.set_writable(&fixture.replica(), true).await;
    sees_primary(fixture, fixture.replica()).await
}

/// Somebody forgot `read_only` on a replica: the primary is whom it replicates from.
pub async fn a_writable_replica_of_the_primary_is_no_second_primary(fixture: &impl TopologyFixture) -> Result<()> {
    fixture.set_writable(&fixture.replica(), true).await;
    sees_primary(fixture, fixture.primary()).await?;
    let sight = fixture.topology().observe().await?;
    assert!(is_primary(&sight, &fixture.primary()), "{sight:?}");
    Ok(())
}

/// Two that take writes, and neither follows the other.
pub async fn two_writable_servers_are_a_split_brain(fixture: &impl TopologyFixture) -> Result<()> {
    fixture.detach().await;
    fixture.set_writable(&fixture.replica(), true).await;
    let topology = fixture.topology();
    let heads = eventually("the split brain", async || {
        Ok(match topology.observe().await? {
            Sight::SplitBrain(heads) => Some(heads),
            _ => None,
        })
    })
    .await?;
    let mut uuids: Vec<ServerUuid> = heads.into_iter().map(|server| server.uuid).collect();
    uuids.sort();
    let mut expected = vec![fixture.primary().uuid, fixture.replica().uuid];
    expected.sort();
    assert_eq!(uuids, expected);
    Ok(())
}

/// The state is read now, not remembered.
pub async fn inspecting_tells_what_is_executed(fixture: &impl TopologyFixture) -> Result<()> {
    let (topology, primary) = (fixture.topology(), fixture.primary());
    let before = topology.inspect(&primary).await?;
    assert!(before.purged.is_subset(&before.executed));
    fixture.commit(&primary).await;
    let after = topology.inspect(&primary).await?;
    assert!(before.executed.is_subset(&after.executed));
    assert!(after.executed.count() > before.executed.count());
    fixture.replicated().await;
    let replica = topology.inspect(&fixture.replica()).await?;
    assert!(after.executed.is_subset(&replica.executed));
    assert_eq!(replica.unapplied, []);
    Ok(())
}

/// Adoption needs a server that takes writes.
pub async fn inspecting_tells_who_takes_writes(fixture: &impl TopologyFixture) -> Result<()> {
    let (topology, primary) = (fixture.topology(), fixture.primary());
    assert!(topology.inspect(&primary).await?.writable);
    assert!(!topology.inspect(&fixture.replica()).await?.writable);
    fixture.set_writable(&primary, false).await;
    assert!(!topology.inspect(&primary).await?.writable);
    fixture.set_writable(&primary, true).await;
    assert!(topology.inspect(&primary).await?.writable);
    Ok(())
}

/// Invariant I7: whoever adopts on a server whose relay log is not executed is overwritten by it.
pub async fn transactions_received_and_not_executed_are_reported(fixture: &impl TopologyFixture) -> Result<()> {
    let (topology, primary, replica) = (fixture.topology(), fixture.primary(), fixture.replica());
    fixture.replicated().await;
    fixture.stop_applying().await;
    fixture.commit(&primary).await;
    fixture.received().await;
    let (here, there) = (topology.inspect(&primary).await?, topology.inspect(&replica).await?);
    let missing = here.executed.minus(&there.executed);
    assert!(!missing.is_empty());
    let mut reported = crate::gtid::GtidSet::new();
    for (_, unapplied) in &there.unapplied {
        reported.extend(unapplied);
    }
    assert_eq!(reported, missing);
    Ok(())
}

/// What answers at an address may be another server by now.
pub async fn a_server_with_another_uuid_is_fenced(fixture: &impl TopologyFixture) -> Result<()> {
    let moved = Server {
        uuid: ServerUuid::new("00000000-0000-4000-8000-000000000000"),
        address: fixture.primary().address,
    };
    assert_eq!(
        failure(fixture.topology().inspect(&moved).await),
        Some(ErrorKind::Fenced)
    );
    Ok(())
}

/// A server that can't be reached is told from one that is in the wrong state.
pub async fn a_server_that_does_not_answer_is_gone(fixture: &impl TopologyFixture) -> Result<()> {
    let inspected = fixture.topology().inspect(&fixture.nobody()).await;
    assert_eq!(failure(inspected), Some(ErrorKind::ServerGone));
    Ok(())
}

/// Nobody is warned for nothing, and asking leaves no trace.
pub async fn a_cluster_that_is_fit_has_nothing_against_a_migration(fixture: &impl TopologyFixture) -> Result<()> {
    let topology = fixture.topology();
    fixture.replicated().await;
    let before = topology.inspect(&fixture.replica()).await?.executed;
    assert_eq!(refusals(&*topology).await?, []);
    assert_eq!(refusals(&*topology).await?, []);
    fixture.replicated().await;
    assert_eq!(topology.inspect(&fixture.replica()).await?.executed, before);
    Ok(())
}

/// It may be the primary when the migration is complete. The user is told which server it is.
pub async fn a_replica_that_would_lack_rows_speaks_against_a_migration(fixture: &impl TopologyFixture) -> Result<()> {
    fixture.set_fit(false).await;
    let topology = fixture.topology();
    let found = refusals(&*topology).await;
    fixture.set_fit(true).await;
    let found = found?;
    let address = fixture.replica().address;
    assert!(
        found.iter().any(|finding| finding.message.contains(&address)),
        "{found:?}"
    );
    assert_eq!(refusals(&*topology).await?, []);
    Ok(())
}

async fn refusals(topology: &dyn Topology) -> Result<Vec<Finding>> {
    let mut found = topology.audit("contract", "t").await?;
    found.retain(|finding| finding.severity == Severity::Refusal);
    Ok(found)
}

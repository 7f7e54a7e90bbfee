//! The scheduler against real servers: what only MySQL itself can show (locks, constraints, sessions, replication).

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use outlast_core::{
    AgentId, Epoch, ErrorKind, Incarnation, Lease, MigrationId, Phase, Scheduler, Server, ServerUuid, Status,
    contract::proven,
    scheduler::{Ending, Options, PolicyComponent, Report, Request, Requests, Submission},
};
use outlast_mysql::{Connector, FencedTransaction, Purpose, SessionPool};
use outlast_scheduler_mysql::MySqlScheduler;
use outlast_testbed::{Cluster, Node, Topology, accounts};

fn connector() -> Connector {
    Connector::new(accounts::OUTLAST_USER, Some(accounts::OUTLAST_PASSWORD.to_owned()))
}

async fn server(node: &Node) -> Server {
    Server {
        uuid: ServerUuid::new(node.server_uuid().await.unwrap()),
        address: node.address(),
    }
}

async fn installed() -> (Cluster, MySqlScheduler, Server) {
    let cluster = Cluster::start(Topology::Single).await.unwrap();
    let primary = server(cluster.primary()).await;
    let scheduler = MySqlScheduler::new(connector());
    scheduler.install(&primary).await.unwrap();
    (cluster, scheduler, primary)
}

fn submission(n: u64, table: &str) -> Submission {
    Submission {
        id: MigrationId::from_random(n),
        statement: format!("ALTER TABLE test.{table} ADD COLUMN naïve INT /* {n} */"),
        schema: "test".to_owned(),
        table: table.to_owned(),
        options: Options::default(),
        components: Vec::new(),
    }
}

fn agent() -> AgentId {
    AgentId::new("agent-1")
}

async fn adopted(scheduler: &MySqlScheduler, primary: &Server, n: u64, life: &str) -> Lease {
    let id = MigrationId::from_random(n);
    let epoch = scheduler.get(primary, &id).await.unwrap().epoch;
    let life = Incarnation::new(life);
    scheduler.adopt(primary, &id, epoch, &agent(), &life).await.unwrap()
}

fn kind<T: std::fmt::Debug>(result: outlast_core::Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[tokio::test]
async fn a_migration_lives_from_submission_to_completion() {
    let (_cluster, scheduler, primary) = installed().await;
    scheduler.install(&primary).await.unwrap();
    let mut first = submission(1, "t");
    first.options.postpone_completion = true;
    first.components.push(PolicyComponent {
        name: "patient".to_owned(),
        digest: "ab".repeat(32),
        bytes: vec![0, 159, 146, 150],
    });
    scheduler.submit(&primary, &first).await.unwrap();
    scheduler.submit(&primary, &first).await.unwrap();
    let stored = scheduler.get(&primary, &first.id).await.unwrap();
    assert_eq!(
        (stored.status, stored.epoch, stored.owner),
        (Status::Queued, Epoch(0), None)
    );
    assert_eq!(
        (stored.statement, stored.options),
        (first.statement.clone(), first.options.clone())
    );
    assert_eq!(
        scheduler.component(&primary, &"ab".repeat(32)).await.unwrap(),
        first.components[0]
    );

    let lease = adopted(&scheduler, &primary, 1, "life-1").await;
    assert_eq!(lease.epoch, Epoch(1));
    let report = Report {
        rows_copied: 7,
        table_rows: 9,
        eta_seconds: Some(3),
        message: "𝄞".repeat(100_000),
    };
    scheduler.beat(&lease, &report).await.unwrap();
    scheduler.enter(&lease, Phase::Copying).await.unwrap();
    scheduler.enter(&lease, Phase::Copying).await.unwrap();
    assert_eq!(scheduler.requests(&lease).await.unwrap(), Requests::default());
    scheduler.request(&primary, &first.id, Request::Complete).await.unwrap();
    scheduler.request(&primary, &first.id, Request::Complete).await.unwrap();
    assert!(scheduler.requests(&lease).await.unwrap().complete);
    let stored = scheduler.get(&primary, &first.id).await.unwrap();
    assert_eq!(
        (stored.rows_copied, stored.table_rows, stored.eta_seconds),
        (7, 9, Some(3))
    );
    assert_eq!((stored.phase, stored.status), (Phase::Copying, Status::Running));
    assert_eq!(stored.message.chars().count(), 4000);
    assert!(stored.liveness_age < Duration::from_secs(5));

    scheduler
        .note(&primary, &first.id, &agent(), "error", &"x".repeat(1 << 20))
        .await
        .unwrap();
    scheduler
        .finish(&lease, Ending::Complete, "done", proven())
        .await
        .unwrap();
    scheduler
        .finish(&lease, Ending::Complete, "done", proven())
        .await
        .unwrap();
    assert_eq!(
        kind(scheduler.finish(&lease, Ending::Failed, "no", proven()).await),
        ErrorKind::Fenced
    );
    assert_eq!(kind(scheduler.beat(&lease, &report).await), ErrorKind::Fenced);
    assert_eq!(kind(scheduler.enter(&lease, Phase::Ready).await), ErrorKind::Fenced);
    assert_eq!(kind(scheduler.requests(&lease).await), ErrorKind::Fenced);
    let stored = scheduler.get(&primary, &first.id).await.unwrap();
    assert_eq!(
        (stored.status, stored.epoch, stored.message.as_str()),
        (Status::Complete, Epoch(2), "done")
    );
    assert!(stored.ended_at.unwrap() > stored.submitted_at);
    let again = scheduler
        .adopt(&primary, &first.id, Epoch(2), &agent(), &Incarnation::new("x"))
        .await;
    assert_eq!(kind(again), ErrorKind::Fenced);

    let kinds: Vec<String> = scheduler
        .events(&primary, &first.id)
        .await
        .unwrap()
        .into_iter()
        .map(|event| event.kind)
        .collect();
    assert_eq!(
        kinds,
        [
            "submitted",
            "adopted",
            "phase",
            "complete-requested",
            "error",
            "complete"
        ]
    );
    assert_eq!(
        kind(scheduler.get(&primary, &MigrationId::from_random(99)).await),
        ErrorKind::BadRequest
    );
    assert_eq!(kind(scheduler.component(&primary, "none").await), ErrorKind::BadRequest);
}

#[tokio::test]
async fn nothing_is_listed_where_nothing_is_installed() {
    let cluster = Cluster::start(Topology::Single).await.unwrap();
    let primary = server(cluster.primary()).await;
    let scheduler = MySqlScheduler::new(connector());
    let id = MigrationId::from_random(1);
    assert!(scheduler.list(&primary).await.unwrap().is_empty());
    assert!(scheduler.events(&primary, &id).await.unwrap().is_empty());
    assert_eq!(kind(scheduler.get(&primary, &id).await), ErrorKind::BadRequest);
    assert_eq!(
        kind(scheduler.request(&primary, &id, Request::Cancel).await),
        ErrorKind::BadRequest
    );
    let adopted = scheduler
        .adopt(&primary, &id, Epoch(0), &agent(), &Incarnation::new("x"))
        .await;
    assert_eq!(kind(adopted), ErrorKind::BadRequest);
    assert_eq!(kind(scheduler.component(&primary, "x").await), ErrorKind::BadRequest);

    cluster
        .primary()
        .execute("CREATE USER weak IDENTIFIED BY 'weak'")
        .await
        .unwrap();
    let weak = MySqlScheduler::new(Connector::new("weak", Some("weak".to_owned())));
    let error = weak.install(&primary).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert!(error.message().contains("GRANT"), "{error}");
}

#[tokio::test]
async fn a_table_has_one_unfinished_migration_however_many_are_submitted_at_once() {
    let (_cluster, scheduler, primary) = installed().await;
    let submissions: Vec<Submission> = (1..=8).map(|n| submission(n, "t")).collect();
    let mut accepted = Vec::new();
    let results = futures(&scheduler, &primary, &submissions).await;
    for (submission, result) in submissions.iter().zip(results) {
        match result {
            Ok(()) => accepted.push(submission.id.clone()),
            Err(error) => assert!(
                matches!(error.kind(), ErrorKind::Refused | ErrorKind::Passing),
                "{:?} {error}",
                error.kind()
            ),
        }
    }
    assert_eq!(accepted.len(), 1);
    let error = scheduler.submit(&primary, &submission(9, "t")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains(accepted[0].as_str()), "{error}");
    scheduler.submit(&primary, &submission(10, "T")).await.unwrap();

    scheduler
        .request(&primary, &accepted[0], Request::Cancel)
        .await
        .unwrap();
    scheduler
        .request(&primary, &accepted[0], Request::Cancel)
        .await
        .unwrap();
    assert_eq!(
        scheduler.get(&primary, &accepted[0]).await.unwrap().status,
        Status::Cancelled
    );
    scheduler.submit(&primary, &submission(11, "t")).await.unwrap();
    let error = scheduler
        .request(&primary, &accepted[0], Request::Retry)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    assert!(
        error.message().contains(MigrationId::from_random(11).as_str()),
        "{error}"
    );
    scheduler
        .request(&primary, &MigrationId::from_random(11), Request::Cancel)
        .await
        .unwrap();
    scheduler.request(&primary, &accepted[0], Request::Retry).await.unwrap();
    scheduler.request(&primary, &accepted[0], Request::Retry).await.unwrap();
    assert_eq!(
        scheduler.get(&primary, &accepted[0]).await.unwrap().status,
        Status::Queued
    );
    assert_eq!(scheduler.list(&primary).await.unwrap().len(), 3);
}

async fn futures(
    scheduler: &MySqlScheduler,
    primary: &Server,
    submissions: &[Submission],
) -> Vec<outlast_core::Result<()>> {
    let mut tasks = Vec::new();
    for submission in submissions {
        tasks.push(scheduler.submit(primary, submission));
    }
    futures_util::future::join_all(tasks).await
}

#[tokio::test]
async fn of_many_agents_that_adopt_at_once_exactly_one_wins() {
    let (_cluster, scheduler, primary) = installed().await;
    scheduler.submit(&primary, &submission(1, "t")).await.unwrap();
    let id = MigrationId::from_random(1);
    for round in 0..5 {
        let expected = Epoch(round);
        let lives: Vec<Incarnation> = (0..6).map(|n| Incarnation::new(format!("life-{round}-{n}"))).collect();
        let agent = agent();
        let attempts = lives
            .iter()
            .map(|life| scheduler.adopt(&primary, &id, expected, &agent, life));
        let results = futures_util::future::join_all(attempts).await;
        let won = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(won, 1, "{results:?}");
        for result in results {
            if let Err(error) = result {
                assert_eq!(error.kind(), ErrorKind::Fenced, "{error}");
            }
        }
    }
    let stored = scheduler.get(&primary, &id).await.unwrap();
    assert_eq!((stored.epoch, stored.retries, stored.failovers), (Epoch(5), 4, 0));
}

#[tokio::test]
async fn adoption_does_not_wait_for_a_predecessor_that_hangs_in_a_transaction() {
    let (cluster, scheduler, primary) = installed().await;
    scheduler.submit(&primary, &submission(1, "t")).await.unwrap();
    let zombie = adopted(&scheduler, &primary, 1, "life-1").await;
    let purpose = Purpose {
        migration: Some(zombie.migration.clone()),
        incarnation: Some(zombie.incarnation.clone()),
    };
    let pool = SessionPool::new(connector(), primary.clone(), purpose);
    let hanging = FencedTransaction::begin(&pool, &zombie).await.unwrap();
    let started = Instant::now();
    let lease = adopted(&scheduler, &primary, 1, "life-2").await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(hanging.commit_without_data().await.is_err());
    assert_eq!(
        kind(scheduler.beat(&zombie, &Report::default()).await),
        ErrorKind::Fenced
    );
    scheduler.beat(&lease, &Report::default()).await.unwrap();

    // A foreign lock is nobody's to kill: the adoption gives up, and changes nothing.
    let mut foreign = cluster.primary().connect().await.unwrap();
    foreign.query_drop("START TRANSACTION").await.unwrap();
    foreign
        .query_drop("SELECT * FROM _outlast.fence FOR SHARE")
        .await
        .unwrap();
    let blocked = scheduler
        .adopt(
            &primary,
            &lease.migration,
            lease.epoch,
            &agent(),
            &Incarnation::new("life-3"),
        )
        .await;
    assert_eq!(kind(blocked), ErrorKind::Passing);
    scheduler.beat(&lease, &Report::default()).await.unwrap();
}

#[tokio::test]
async fn a_stale_migration_fails_and_can_be_retried() {
    let (_cluster, scheduler, primary) = installed().await;
    scheduler.submit(&primary, &submission(1, "t")).await.unwrap();
    let lease = adopted(&scheduler, &primary, 1, "life-1").await;
    let id = &lease.migration;
    let early = scheduler.fail_stale(&primary, id, Epoch(0), &agent(), "stale").await;
    assert_eq!(kind(early), ErrorKind::Fenced);
    scheduler.request(&primary, id, Request::Cancel).await.unwrap();
    assert!(scheduler.requests(&lease).await.unwrap().cancel);
    scheduler
        .fail_stale(&primary, id, Epoch(1), &agent(), "stale for 11 minutes")
        .await
        .unwrap();
    assert_eq!(
        kind(scheduler.beat(&lease, &Report::default()).await),
        ErrorKind::Fenced
    );
    let stored = scheduler.get(&primary, id).await.unwrap();
    assert_eq!(
        (stored.status, stored.message.as_str()),
        (Status::Failed, "stale for 11 minutes")
    );
    assert_eq!(stored.owner.unwrap().incarnation, lease.incarnation);
    for request in [Request::Complete, Request::Cancel] {
        assert_eq!(
            kind(scheduler.request(&primary, id, request).await),
            ErrorKind::BadRequest
        );
    }
    scheduler.request(&primary, id, Request::Retry).await.unwrap();
    let stored = scheduler.get(&primary, id).await.unwrap();
    assert_eq!(
        (stored.status, stored.ended_at, stored.cancel_requested),
        (Status::Queued, None, false)
    );
    let lease = adopted(&scheduler, &primary, 1, "life-2").await;
    assert_eq!(lease.epoch, Epoch(3));
    assert_eq!(scheduler.get(&primary, id).await.unwrap().retries, 1);
}

#[tokio::test]
async fn a_read_only_server_takes_no_write_even_from_a_privileged_user() {
    let (cluster, scheduler, primary) = installed().await;
    scheduler.submit(&primary, &submission(1, "t")).await.unwrap();
    let lease = adopted(&scheduler, &primary, 1, "life-1").await;
    cluster.primary().execute("SET GLOBAL read_only = ON").await.unwrap();
    assert_eq!(
        kind(scheduler.beat(&lease, &Report::default()).await),
        ErrorKind::NotPrimary
    );
    assert_eq!(
        kind(scheduler.submit(&primary, &submission(2, "u")).await),
        ErrorKind::NotPrimary
    );
    assert_eq!(
        kind(scheduler.request(&primary, &lease.migration, Request::Cancel).await),
        ErrorKind::NotPrimary
    );
    let life = Incarnation::new("life-2");
    let adopted = scheduler
        .adopt(&primary, &lease.migration, lease.epoch, &agent(), &life)
        .await;
    assert_eq!(kind(adopted), ErrorKind::NotPrimary);
    assert_eq!(scheduler.list(&primary).await.unwrap().len(), 1);
}

#[tokio::test]
async fn ownership_moves_with_a_failover() {
    let cluster = Cluster::start(Topology::AsyncGtid { nodes: 2 }).await.unwrap();
    let (old, new) = (server(cluster.node(0)).await, server(cluster.node(1)).await);
    let scheduler = MySqlScheduler::new(connector());
    scheduler.install(&old).await.unwrap();
    scheduler.submit(&old, &submission(1, "t")).await.unwrap();
    let lease = adopted(&scheduler, &old, 1, "life-1").await;
    cluster.wait_for_catch_up(1, Duration::from_secs(10)).await.unwrap();
    assert_eq!(
        scheduler.list(&new).await.unwrap()[0].owner.as_ref().unwrap().server,
        old.uuid
    );
    cluster.switchover(1).await.unwrap();
    assert_eq!(
        kind(scheduler.beat(&lease, &Report::default()).await),
        ErrorKind::NotPrimary
    );
    let lease = adopted(&scheduler, &new, 1, "life-1").await;
    let stored = scheduler.get(&new, &lease.migration).await.unwrap();
    assert_eq!((stored.epoch, stored.failovers, stored.retries), (Epoch(2), 1, 0));
    scheduler.beat(&lease, &Report::default()).await.unwrap();
    cluster.node(1).restart().await.unwrap();
    // The sessions are gone with the server's life, the lease is not.
    scheduler.beat(&lease, &Report::default()).await.unwrap();
    assert_eq!(scheduler.list(&new).await.unwrap().len(), 1);
}

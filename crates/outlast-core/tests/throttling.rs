//! A migration that is to stand still stands still, whatever else happens; and lives on.

#![allow(clippy::unwrap_used)]

mod stage;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use outlast_core::{
    Clock, Epoch, Phase, Result, Scheduler, Server, Status,
    engine::Settings,
    ledger::Xid,
    memory::{Cluster, TableName},
    scheduler::Request,
    throttle::{Activity, Gauge, Limits, Pressure},
};

use crate::stage::Stage;

const LONG: Duration = Duration::from_secs(120);

/// Once it is mute, it never answers.
#[derive(Default)]
struct Mute(AtomicBool);

#[async_trait]
impl Gauge for Mute {
    async fn pressures(&self, _: &Server, _: &Limits) -> Result<Vec<Pressure>> {
        match self.0.load(Ordering::Relaxed) {
            true => std::future::pending().await,
            false => Ok(Vec::new()),
        }
    }

    async fn activity(&self, _: &Server, _: Duration) -> Result<Option<Activity>> {
        match self.0.load(Ordering::Relaxed) {
            true => std::future::pending().await,
            false => Ok(None),
        }
    }
}

/// An application that suffers from the copy, whatever the copy does; and how many rows were copied while it was watched.
struct Suffering {
    stage: Arc<Cluster>,
    shadow: TableName,
    primary: Server,
    clock: Arc<dyn Clock>,
    /// Rows copied during each look: in turn while the copy works, and while it rests.
    looks: Mutex<Vec<usize>>,
}

impl Suffering {
    fn copied(&self) -> usize {
        self.stage
            .rows(&self.primary, &self.shadow)
            .map_or(0, |rows| rows.len())
    }
}

#[async_trait]
impl Gauge for Suffering {
    async fn pressures(&self, _: &Server, _: &Limits) -> Result<Vec<Pressure>> {
        Ok(Vec::new())
    }

    async fn activity(&self, _: &Server, over: Duration) -> Result<Option<Activity>> {
        let before = self.copied();
        self.clock.sleep(over).await;
        let mut looks = self.looks.lock().unwrap();
        looks.push(self.copied() - before);
        // They alternate, since no chunk here takes so long that a rest is given up.
        let is_rest = looks.len().is_multiple_of(2);
        Ok(Some(Activity {
            per_second: 1000.0,
            under_way: if is_rest { 2.0 } else { 4.0 },
        }))
    }
}

impl Stage {
    async fn set_stopped(&self, stopped: bool) {
        let limits = Limits {
            stopped,
            ..Limits::default()
        };
        let limited = self.scheduler.set_limits(&self.primary, Some(&self.id), &limits);
        limited.await.unwrap();
    }

    async fn until_applied(&self, row: u64, value: u64) {
        let begun = self.clock.now();
        while self.shadow().await.unwrap().get(&row) != Some(&value) {
            assert!(self.clock.now() - begun < LONG, "it is not applied");
            self.clock.sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_stopped_before_an_agent_came_is_not_begun() {
    let stage = Stage::set().await;
    stage.set_stopped(true).await;
    let agent = stage.start_agent();
    stage.until(|m| m.message.contains("outlast unthrottle")).await;
    stage.clock.sleep(LONG).await;
    assert_eq!(stage.shadow().await, None);
    assert_eq!(stage.migration().await.phase, Phase::Preparing);

    stage.set_stopped(false).await;
    stage.until(|m| m.phase == Phase::Ready).await;
    assert_eq!(stage.shadow().await.unwrap().len(), 2);
    agent.abort();
}

#[tokio::test(start_paused = true)]
async fn a_load_that_is_not_known_for_long_is_too_much() {
    let gauge = Arc::new(Mute::default());
    let mut stage = Stage::set().await;
    stage.gauge = Arc::clone(&gauge) as Arc<dyn Gauge>;
    let agent = stage.start_agent();
    stage.until(|m| m.phase == Phase::Ready).await;

    gauge.0.store(true, Ordering::Relaxed);
    stage.until(|m| m.message.contains("can't be measured")).await;
    stage.request(Request::Complete).await;
    stage.clock.sleep(LONG).await;
    let waiting = stage.migration().await;
    assert_eq!((waiting.status, waiting.epoch), (Status::Running, Epoch(1)));
    assert!(waiting.liveness_age < Duration::from_secs(10), "{waiting:?}");

    gauge.0.store(false, Ordering::Relaxed);
    stage.until(|m| m.status == Status::Complete).await;
    agent.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_comes_while_the_swap_waits_is_heeded() {
    let stage = Stage::set().await;
    let agent = stage.start_agent();
    stage.until(|m| m.phase == Phase::Ready).await;
    let xid = Xid(b"x'01',x'',1".to_vec());
    stage.prepare_xa(&xid);
    stage.request(Request::Complete).await;
    stage.until(|m| m.message.contains("XA ROLLBACK")).await;
    stage.set_stopped(true).await;
    stage.clock.sleep(LONG).await;
    stage.cluster.xa_commit(&stage.primary, &xid).unwrap();
    stage.clock.sleep(LONG).await;
    assert_eq!(stage.migration().await.status, Status::Running);

    stage.set_stopped(false).await;
    stage.until(|m| m.status == Status::Complete).await;
    agent.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stopped_migration_applies_what_is_about_to_pause_its_reader() {
    let stage = Stage::set().await;
    let settings = Settings {
        max_backlog: 20,
        ..Settings::default()
    };
    let agent = stage.start_agent_with(settings);
    stage.until(|m| m.phase == Phase::Ready).await;
    stage.set_stopped(true).await;
    stage.until(|m| m.message.contains("outlast unthrottle")).await;

    // Transactions count, not only keys.
    let change = |value| {
        let written = stage.cluster.write(&stage.primary, &stage.table, &[(1, Some(value))]);
        written.unwrap();
    };
    (100..110).for_each(change);
    stage.clock.sleep(LONG).await;
    assert_eq!(stage.shadow().await.unwrap()[&1], 1, "few changes wait");
    change(110);
    stage.until_applied(1, 110).await;
    agent.abort();
}

#[tokio::test(start_paused = true)]
async fn no_row_is_copied_while_applications_are_watched_without_the_copy() {
    let mut stage = Stage::set().await;
    let rows: Vec<_> = (10..4000).map(|row| (row, Some(row))).collect();
    stage.cluster.write(&stage.primary, &stage.table, &rows).unwrap();
    // The first chunks are large. Statements take their time, so that rests begin while lanes are in the middle of something.
    stage.cluster.set_latency(Duration::from_millis(20));
    let gauge = Arc::new(Suffering {
        stage: Arc::clone(&stage.cluster),
        shadow: TableName::new(stage.migration().await.shadow_schema(), &*stage.table.table),
        primary: stage.primary.clone(),
        clock: Arc::clone(&stage.clock),
        looks: Mutex::default(),
    });
    stage.gauge = Arc::clone(&gauge) as Arc<dyn Gauge>;
    let limits = Limits {
        max_slowdown: Some(90),
        ..Limits::default()
    };
    let limited = stage.scheduler.set_limits(&stage.primary, Some(&stage.id), &limits);
    limited.await.unwrap();
    let settings = Settings {
        max_chunk_rows: 1,
        ..Settings::default()
    };
    let agent = stage.start_agent_with(settings);
    stage
        .until(|m| m.message.contains("statements of applications take"))
        .await;
    stage.until(|m| m.phase == Phase::Ready).await;

    let looks = gauge.looks.lock().unwrap().clone();
    let of = |turn: usize| looks.iter().skip(turn).step_by(2);
    assert!(of(1).count() > 5, "few rests: {looks:?}");
    assert!(of(0).any(|copied| *copied > 0), "{looks:?}");
    assert!(
        of(1).all(|copied| *copied == 0),
        "rows were copied during a rest: {looks:?}"
    );
    agent.abort();
}

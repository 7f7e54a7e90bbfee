//! What is tried again and again: it shows what it waits for, ends as the retry policy says, and leaves a history that can be read.

#![allow(clippy::unwrap_used)]

mod stage;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use outlast_core::{Clock, Epoch, Phase, Scheduler, Status, engine::Settings, ledger::Xid, scheduler::Request};
use tokio_util::sync::CancellationToken;

use crate::stage::Stage;

/// Only runs sleep for so long.
const DEADLY: Duration = Duration::from_millis(777);

/// Panics when it is asked to sleep for [`DEADLY`].
struct Trap(Arc<dyn Clock>);

#[async_trait]
impl Clock for Trap {
    fn now(&self) -> Duration {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        assert!(duration != DEADLY, "it ran into the trap");
        self.0.sleep(duration).await;
    }

    fn random(&self) -> u64 {
        self.0.random()
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_crashes_is_begun_anew_as_often_as_the_retry_policy_allows() {
    let stage = Stage::set().await;
    let settings = Settings {
        request_interval: DEADLY,
        ..Settings::default()
    };
    let agent = stage.agent(Arc::new(Trap(Arc::clone(&stage.clock))), settings);
    // In the default policy's own time, 30 attempts take minutes.
    let ran = tokio::time::timeout(Duration::from_secs(3600), agent.run(CancellationToken::new()));
    ran.await.unwrap();

    let migration = stage.migration().await;
    assert_eq!(migration.status, Status::Failed, "{}", migration.message);
    for words in ["gave up after 30 attempts", "Outlast crashed", "it ran into the trap"] {
        assert!(migration.message.contains(words), "{}", migration.message);
    }
    assert_eq!(migration.retries, 29);
    let events = stage.scheduler.events(&stage.primary, &stage.id).await.unwrap();
    let crashes: Vec<&str> = events
        .iter()
        .filter(|e| e.kind == "failure")
        .map(|e| e.detail.as_str())
        .collect();
    assert!(
        matches!(crashes[..], [all] if all.contains("it ran into the trap") && all.contains("(29 times since ")),
        "{crashes:?}"
    );
    assert!(events.len() < 20, "{events:#?}");
}

#[tokio::test(start_paused = true)]
async fn while_the_copy_waits_for_an_xa_transaction_it_says_so_and_hears_a_cancellation() {
    let stage = Stage::set().await;
    let xid = Xid(b"x'01',x'',1".to_vec());
    stage.prepare_xa(&xid);
    let agent = stage.start_agent();
    let waiting = stage.until(|m| m.message.contains("prepared XA transaction")).await;
    assert_eq!(waiting.phase, Phase::Preparing);
    // The run lives on, whatever the attempts come to.
    stage.clock.sleep(Duration::from_secs(60)).await;
    let waiting = stage.migration().await;
    assert_eq!(waiting.epoch, Epoch(1));
    assert!(waiting.liveness_age < Duration::from_secs(10), "{waiting:?}");
    stage.request(Request::Cancel).await;
    stage.until(|m| m.status == Status::Cancelled).await;
    agent.await.unwrap();

    stage.request(Request::Retry).await;
    let agent = stage.start_agent();
    stage.until(|m| m.message.contains("prepared XA transaction")).await;
    stage.cluster.xa_commit(&stage.primary, &xid).unwrap();
    stage.until(|m| m.phase == Phase::Ready && m.message.is_empty()).await;
    agent.abort();
}

#[tokio::test(start_paused = true)]
async fn while_the_swap_waits_for_an_xa_transaction_it_names_it_and_locks_nothing() {
    let stage = Stage::set().await;
    let agent = stage.start_agent();
    stage.until(|m| m.phase == Phase::Ready).await;
    let xid = Xid(b"x'01',x'',1".to_vec());
    stage.prepare_xa(&xid);
    stage.request(Request::Complete).await;
    let waiting = stage.until(|m| m.message.contains("XA ROLLBACK x'01',x'',1")).await;
    assert_eq!(waiting.phase, Phase::CuttingOver);
    stage.until(|m| m.message.contains("waited for 30 s")).await;
    stage.cluster.xa_commit(&stage.primary, &xid).unwrap();
    stage.until(|m| m.status == Status::Complete).await;
    agent.await.unwrap();
    let rows = stage.cluster.rows(&stage.primary, &stage.table).unwrap();
    assert_eq!(rows.into_iter().collect::<Vec<_>>(), [(1, 10), (2, 2)]);
}

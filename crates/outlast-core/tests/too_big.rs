//! What is too big for one transaction is done in several.

#![allow(clippy::unwrap_used)]

mod stage;

use std::time::Duration;

use outlast_core::{Phase, Status, engine::Settings, scheduler::Request};

use crate::stage::Stage;

/// Rows of the table.
const ROWS: u64 = 64;
/// What a transaction may write.
const MOST: usize = 8;

impl Stage {
    /// Rows with this value, from 1 on.
    fn write_all(&self, value: u64) {
        let rows: Vec<(u64, Option<u64>)> = (1..=ROWS).map(|row| (row, Some(value))).collect();
        self.cluster.write(&self.primary, &self.table, &rows).unwrap();
    }

    async fn until_all_are(&self, value: u64) {
        let begun = self.clock.now();
        while self.shadow().await.unwrap().values().any(|held| *held != value) {
            assert!(
                self.clock.now() - begun < Duration::from_secs(60),
                "{:?}",
                self.shadow().await
            );
            self.clock.sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rows_and_changes_that_are_too_many_for_a_transaction_take_several() {
    let stage = Stage::set().await;
    stage.cluster.set_most_rows(MOST);
    stage.write_all(1);
    // What four appliers do is divided by four.
    let settings = Settings {
        max_batch: 16,
        appliers: 4,
        keys_per_applier: 4,
        ..Settings::default()
    };
    let agent = stage.start_agent_with(settings);
    stage.until(|m| m.phase == Phase::Ready).await;
    for value in 2..20 {
        stage.write_all(value);
        stage.until_all_are(value).await;
    }
    stage.write_all(20);
    stage.request(Request::Complete).await;
    stage.until(|m| m.status == Status::Complete).await;
    agent.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_row_that_is_too_big_ends_the_migration_and_the_message_says_so() {
    let stage = Stage::set().await;
    let agent = stage.start_agent();
    stage.until(|m| m.phase == Phase::Ready).await;
    stage.cluster.set_most_rows(0);
    stage.write_all(2);
    let failed = stage.until(|m| m.status == Status::Failed).await;
    assert!(failed.message.contains("one row alone exceeds"), "{}", failed.message);
    agent.await.unwrap();
}

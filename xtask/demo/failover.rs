//! A change of the primary that nobody tells Outlast about, and how long Outlast takes to notice and go on.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use outlast_testbed::{Cluster, Node, RelayLog, eventually};

use crate::{
    cast::name,
    history::{Timeline, first},
    screen::{Ink, Screen, grouped, now_ms},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A failover under way.
pub(crate) struct Failover<'a> {
    pub(crate) screen: &'a Screen,
    pub(crate) cluster: &'a Cluster,
    pub(crate) migration: &'a str,
    /// How much was copied when it began.
    pub(crate) rows_copied: u64,
}

impl Failover<'_> {
    /// Kills the primary, and makes the replica that has received most the primary.
    pub(crate) async fn crash(&self, timeline: &mut Timeline) -> Result<()> {
        let old = name(self.cluster.primary_index());
        let rows = grouped(self.rows_copied);
        self.cluster.primary().kill9();
        let lost = now_ms();
        self.screen
            .say(Ink::Bad, &format!("kill -9 {old}, with {rows} rows copied"));
        let to = self.cluster.best_candidate().await?;
        self.screen.say(
            Ink::Plain,
            &format!("promoting {} from outside; Outlast is not told", name(to)),
        );
        let promote = self.cluster.promote(to, RelayLog::AppliedFirst);
        timeline.note(lost, "lost", Ink::Bad, format!("{old}: kill -9 in mid-copy"));
        self.follow(lost, to, ", from outside", promote, timeline).await
    }

    /// Makes another server the primary, without loss.
    pub(crate) async fn switch_over(&self, to: usize, timeline: &mut Timeline) -> Result<()> {
        let old = name(self.cluster.primary_index());
        let rows = grouped(self.rows_copied);
        self.screen.say(
            Ink::Plain,
            &format!("planned switchover from {old} to {}, with {rows} rows copied", name(to)),
        );
        let lost = now_ms();
        timeline.note(lost, "lost", Ink::Bad, format!("{old}: planned switchover"));
        self.follow(lost, to, "", self.cluster.switchover(to), timeline).await
    }

    /// Waits for the promotion, for the adoption, and for the first rows that are committed after it.
    async fn follow(
        &self,
        lost: u64,
        to: usize,
        how: &str,
        promote: impl Future<Output = Result<()>>,
        timeline: &mut Timeline,
    ) -> Result<()> {
        let node = self.cluster.node(to);
        let (done, promoted) = tokio::join!(promote, writable_at(node));
        done?;
        let promoted = promoted?;
        timeline.note_after(
            ("lost", lost),
            promoted,
            "promoted",
            Ink::Plain,
            format!("{}{how}", name(to)),
        );

        let adopted = eventually("the migration is adopted", PATIENCE, || {
            first(node, self.migration, "adopted")
        })
        .await?;
        let after = adopted.at.saturating_sub(promoted);
        self.screen.say(
            Ink::Outlast,
            &format!(
                "adopted by {} on {}, {after} ms after the promotion",
                adopted.agent,
                name(to)
            ),
        );
        let detail = format!("{}, epoch {}", adopted.agent, adopted.epoch);
        timeline.note_after(("promoted", promoted), adopted.at, "adopted", Ink::Outlast, detail);

        let progress = eventually("rows are committed again", PATIENCE, || {
            first(node, self.migration, "progress")
        })
        .await?;
        ensure!(
            progress.epoch >= adopted.epoch,
            "progress of epoch {} after {}",
            progress.epoch,
            adopted.epoch
        );
        let after = progress.at.saturating_sub(promoted);
        self.screen.say(
            Ink::Good,
            &format!("first rows committed on {}, {after} ms after the promotion", name(to)),
        );
        let detail = format!("rows committed on {}", name(to));
        timeline.note_after(("promoted", promoted), progress.at, "first progress", Ink::Good, detail);
        timeline.part();
        Ok(())
    }
}

/// When a server begins to take writes, in milliseconds since 1970.
async fn writable_at(node: &Node) -> Result<u64> {
    let deadline = now_ms() + PATIENCE.as_millis() as u64;
    while now_ms() < deadline {
        let read_only: bool = node.query_one("SELECT @@GLOBAL.read_only").await?;
        if !read_only {
            return Ok(now_ms());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    None.with_context(|| format!("{} was not promoted within {PATIENCE:?}", name(node.index())))
}

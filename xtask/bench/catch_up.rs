//! How fast changed rows are caught up with.
//!
//! A migration is ready and waits. Its agent is killed, rows are changed, and another agent takes it over. The time from that until
//! it is ready again, less what the same takes with nothing changed, is the time of the changes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use outlast_testbed::Topology;
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use tokio::task::JoinSet;

use crate::{
    bars,
    bed::{Bed, TABLE},
    figures::grouped,
    outlast::{Outlast, wait_for},
    report::{Part, Unit},
    stage::Stage,
};

const CHANGED: u64 = 300_000;
const ROWS_A_TRANSACTION: usize = 300;
const CONNECTIONS: usize = 4;
const LIMIT: Duration = Duration::from_secs(1800);
/// The killed agent does not come back: no need to wait for it as long as usual. The wait is not measured.
const TAKE_OVER_SOON: [&str; 2] = ["--policy-param", "takeover_after=3s"];

#[derive(Default)]
struct Samples {
    unchanged: Vec<f64>,
    changed: Vec<f64>,
}

/// Measures it with and without changes in turn.
pub(crate) async fn measure(stage: &Stage, part: &mut Part) -> Result<()> {
    let changed = CHANGED.min(stage.rows());
    let bed = Bed::start(stage, Topology::Single).await?;
    let outlast = Outlast::new(stage, &bed);
    bed.fill(stage, stage.rows()).await?;
    bed.fresh_table().await?;
    let mut samples = Samples::default();
    let outcome = repeat(stage, &bed, &outlast, changed, &mut samples).await;
    samples.report(part, changed);
    outcome
}

async fn repeat(stage: &Stage, bed: &Bed, outlast: &Outlast, changed: u64, samples: &mut Samples) -> Result<()> {
    let mut agent = outlast.start_agent("catch-up-0")?;
    let id = outlast.submit(&TAKE_OVER_SOON).await?;
    stage.say("catch-up: copying first");
    wait_for(bed.primary(), &id, "ready", LIMIT, |state| state.phase == "ready").await?;
    for run in 1..=stage.runs() {
        // Alternately first, for the machine may become slower or faster by itself.
        let order = if run % 2 == 1 { [0, changed] } else { [changed, 0] };
        for count in order {
            agent.kill().await.context("killing the agent")?;
            if count > 0 {
                change(bed, stage.rows(), count, run as u64).await?;
            }
            let before = wait_for(bed.primary(), &id, "its state", LIMIT, |_| true).await?;
            agent = outlast.start_agent(&format!("catch-up-{run}-{count}"))?;
            let again = wait_for(bed.primary(), &id, "ready again", LIMIT, |state| {
                state.phase == "ready" && state.moments.ready > before.moments.ready
            })
            .await?;
            let (adopted, ready) = (again.moments.adopted, again.moments.ready);
            let (adopted, ready) = adopted.zip(ready).context("a ready migration has no times")?;
            let seconds = ready.saturating_sub(adopted) as f64 / 1e6;
            let list = if count > 0 {
                &mut samples.changed
            } else {
                &mut samples.unchanged
            };
            list.push(seconds);
            stage.say(&format!(
                "catch-up, run {run} of {}: {} rows changed, ready {seconds:.2} s after the adoption",
                stage.runs(),
                grouped(count)
            ));
        }
    }
    Ok(())
}

/// Changes so many different rows at random, in transactions of several hundred from several connections.
async fn change(bed: &Bed, rows: u64, count: u64, seed: u64) -> Result<()> {
    let mut ids: Vec<u64> = (1..=rows).collect();
    ids.shuffle(&mut StdRng::seed_from_u64(seed));
    ids.truncate(usize::try_from(count)?);
    let mut writers = JoinSet::new();
    for own in ids.chunks(ids.len().div_ceil(CONNECTIONS)) {
        let mut conn = bed.primary().connect().await?;
        // The connections must not wait for each other's gaps.
        conn.query_drop("SET SESSION transaction_isolation = 'READ-COMMITTED'")
            .await?;
        let own = own.to_vec();
        writers.spawn(async move {
            for transaction in own.chunks(ROWS_A_TRANSACTION) {
                let ids: Vec<String> = transaction.iter().map(u64::to_string).collect();
                let ids = ids.join(", ");
                conn.query_drop(format!("UPDATE {TABLE} SET k = k + 1 WHERE id IN ({ids})"))
                    .await?;
                let affected = conn.affected_rows();
                ensure!(
                    affected == transaction.len() as u64,
                    "{affected} of {} rows changed",
                    transaction.len()
                );
            }
            Ok(())
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.context("a writer panicked")?.context("changing rows")?;
    }
    Ok(())
}

impl Samples {
    fn report(&self, part: &mut Part, changed: u64) {
        let pairs = self.changed.iter().zip(&self.unchanged);
        let rates: Vec<f64> = pairs
            .filter(|(changed, unchanged)| changed > unchanged)
            .map(|(with, without)| changed as f64 / (with - without))
            .collect();
        part.median("changed rows", Unit::PerSecond, &rates).bar(bars::CATCH_UP);
        let after = format!("from the adoption to ready, {} rows changed", grouped(changed));
        part.median(after, Unit::Seconds, &self.changed);
        part.median(
            "from the adoption to ready, nothing changed",
            Unit::Seconds,
            &self.unchanged,
        );
        part.remark("other tools can't be stopped and resumed in the same way: their rate of catch-up is not measured");
    }
}

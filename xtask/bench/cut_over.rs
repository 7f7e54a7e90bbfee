//! How long the application waits at the swap.

use std::time::Duration;

use anyhow::{Context, Result};
use mysql_async::prelude::Queryable;
use outlast_testbed::Topology;

use crate::{
    bars,
    bed::{Bed, TABLE},
    figures::{grouped, median},
    load::{Load, Mix, Pace},
    outlast::{Outlast, wait_for},
    report::{Part, Unit},
    stage::Stage,
    trace::Trace,
};

const WRITES_PER_SECOND: f64 = 1000.0;
/// What the bare swap swaps the table with, and where the table then is.
const TWIN: &str = "test.twin";
const RETIRED: &str = "test.retired";
const WARM_UP: Duration = Duration::from_secs(5);
/// Looked at before and after both kinds of swap, so that other waits are as likely to be found in either.
const MARGIN: Duration = Duration::from_millis(500);
const LIMIT: Duration = Duration::from_secs(1800);

/// What the application saw of one swap, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Swap {
    longest: f64,
    /// Of its statements before the swap: tells whether the machine can do so many.
    p99_before: f64,
}

#[derive(Default)]
struct Samples {
    outlast: Vec<Swap>,
    bare: Vec<Swap>,
    complaints: Vec<String>,
}

/// Measures both swaps in turn.
pub(crate) async fn measure(stage: &Stage, part: &mut Part) -> Result<()> {
    let bed = Bed::start(stage, Topology::Single).await?;
    let outlast = Outlast::new(stage, &bed);
    bed.fill(stage, stage.rows()).await?;
    let mut samples = Samples::default();
    let outcome = repeat(stage, &bed, &outlast, &mut samples).await;
    samples.report(part, stage.rows());
    outcome
}

async fn repeat(stage: &Stage, bed: &Bed, outlast: &Outlast, samples: &mut Samples) -> Result<()> {
    for run in 1..=stage.runs() {
        // Alternately first, for the machine may become slower or faster by itself.
        let order = if run % 2 == 1 { [true, false] } else { [false, true] };
        for is_outlast in order {
            let (name, swap) = match is_outlast {
                true => ("outlast", by_outlast(stage, bed, outlast, run, samples).await?),
                false => ("LOCK TABLES and RENAME", bare(stage, bed, samples).await?),
            };
            let list = if is_outlast {
                &mut samples.outlast
            } else {
                &mut samples.bare
            };
            list.push(swap);
            stage.say(&format!(
                "cut-over, run {run} of {}: {name}: longest statement {:.1} ms; p99 before {:.1} ms",
                stage.runs(),
                swap.longest,
                swap.p99_before
            ));
        }
    }
    Ok(())
}

/// What the application saw from the request to complete to the end of the migration: failed attempts included.
async fn by_outlast(stage: &Stage, bed: &Bed, outlast: &Outlast, run: usize, samples: &mut Samples) -> Result<Swap> {
    bed.fresh_table().await?;
    let load = start_load(stage, bed).await?;
    let _agent = outlast.start_agent(&format!("cut-over-{run}"))?;
    let id = outlast.submit(&[]).await?;
    wait_for(bed.primary(), &id, "ready", LIMIT, |state| state.phase == "ready").await?;
    load.until_even().await?;
    load.go_on(WARM_UP).await;
    let from = load.now();
    let ended = wait_for(bed.primary(), &id, "the end", LIMIT, |state| state.status == "complete");
    let (asked, ended) = tokio::join!(outlast.complete(&id), ended);
    asked?;
    ended?;
    let to = load.now();
    load.go_on(MARGIN + MARGIN).await;
    let trace = load.stop().await?;
    outlast.clean_up(&id).await?;
    seen(&trace, from, to, samples)
}

/// The same of a swap with a table of the same size that nothing has to be brought into.
async fn bare(stage: &Stage, bed: &Bed, samples: &mut Samples) -> Result<Swap> {
    bed.fresh_table().await?;
    bed.copy_base(TWIN).await?;
    bed.settle().await?;
    let load = start_load(stage, bed).await?;
    let mut conn = bed.primary().connect().await?;
    conn.query_drop(format!("DROP TABLE IF EXISTS {RETIRED}")).await?;
    load.until_even().await?;
    load.go_on(WARM_UP).await;
    let from = load.now();
    for statement in [
        format!("LOCK TABLES {TABLE} WRITE, {TWIN} WRITE"),
        format!("RENAME TABLE {TABLE} TO {RETIRED}, {TWIN} TO {TABLE}"),
        "UNLOCK TABLES".to_owned(),
    ] {
        conn.query_drop(&statement).await.with_context(|| statement.clone())?;
    }
    let to = load.now();
    load.go_on(MARGIN + MARGIN).await;
    let trace = load.stop().await?;
    conn.query_drop(format!("DROP TABLE {RETIRED}")).await?;
    seen(&trace, from, to, samples)
}

async fn start_load(stage: &Stage, bed: &Bed) -> Result<Load> {
    let pace = Pace::PerSecond(WRITES_PER_SECOND);
    // Updates only: the twin has rows that deletions in the table would leave out.
    Load::start(bed.primary(), stage.rows(), pace, Mix::Updates).await
}

fn seen(trace: &Trace, from: Duration, to: Duration, samples: &mut Samples) -> Result<Swap> {
    samples.complaints.extend(trace.complaint());
    let silent = "the application wrote nothing at the swap";
    let before = trace.window(from.saturating_sub(WARM_UP), from).context(silent)?;
    let around = trace.window(from.saturating_sub(MARGIN), to + MARGIN).context(silent)?;
    Ok(Swap {
        longest: around.longest_ms,
        p99_before: before.p99_ms,
    })
}

impl Samples {
    fn report(&self, part: &mut Part, rows: u64) {
        let longest = |swaps: &[Swap]| swaps.iter().map(|swap| swap.longest).collect::<Vec<f64>>();
        let (outlast, bare) = (longest(&self.outlast), longest(&self.bare));
        // Against the usual stall of the bare swap, the longest too: an outlier of the one must not excuse one of the other.
        let usual = median(&bare).unwrap_or(0.0);
        let ratios: Vec<f64> = outlast.iter().filter(|_| usual > 0.0).map(|ms| ms / usual).collect();
        part.median("usual stall, of a bare LOCK TABLES and RENAME's", Unit::Ratio, &ratios)
            .bar(bars::STALL);
        part.greatest("longest stall, of a bare one's usual stall", Unit::Ratio, &ratios)
            .bar(bars::LONGEST_STALL);
        let rows = grouped(rows);
        for (what, swaps, stalls) in [("outlast", &self.outlast, outlast), ("bare", &self.bare, bare)] {
            part.median(format!("{what}: usual stall, {rows} rows"), Unit::Milliseconds, &stalls);
            part.greatest(format!("{what}: longest stall"), Unit::Milliseconds, &stalls);
            let before: Vec<f64> = swaps.iter().map(|swap| swap.p99_before).collect();
            part.median(format!("{what}: p99 before the swap"), Unit::Milliseconds, &before);
        }
        part.remark(format!(
            "{WRITES_PER_SECOND} updates/s; a stall is the longest statement from {MARGIN:?} before the request to swap to {MARGIN:?} after its end"
        ));
        for complaint in &self.complaints {
            part.remark(complaint.clone());
        }
    }
}

//! What an application keeps of its throughput and latency while its table is migrated.

use std::time::Duration;

use anyhow::{Context, Result};
use outlast_testbed::Topology;

use crate::{
    bars,
    bed::Bed,
    figures::ratios,
    load::{Load, Mix, Pace},
    outlast::Outlast,
    report::{Part, Unit},
    stage::Stage,
    trace::{Trace, Window},
};

/// Until caches are warm and the pace is even.
const WARM_UP: Duration = Duration::from_secs(5);
/// How long is looked before and after a migration.
const WINDOW: Duration = Duration::from_secs(20);
/// A migration that takes longer has not finished.
const LIMIT: Duration = Duration::from_secs(1800);
/// The fixed rate, of what the machine can do.
const HALF: f64 = 0.5;

/// One load, with a migration in the middle of it.
struct Pass {
    before: Window,
    during: Window,
    after: Window,
    /// From the start of `outlast run` to its end.
    migration_seconds: f64,
    complaint: Option<String>,
}

#[derive(Default)]
struct Samples {
    /// Writes a second of the closed loop with nothing beside.
    most: Vec<f64>,
    fixed: Vec<Pass>,
    closed: Vec<Pass>,
}

/// Measures a fixed rate and a closed loop, in each run both.
pub(crate) async fn measure(stage: &Stage, part: &mut Part) -> Result<()> {
    let bed = Bed::start(stage, Topology::Single).await?;
    let outlast = Outlast::new(stage, &bed);
    bed.fill(stage, stage.rows()).await?;
    let mut samples = Samples::default();
    let outcome = repeat(stage, &bed, &outlast, &mut samples).await;
    samples.report(part);
    outcome
}

async fn repeat(stage: &Stage, bed: &Bed, outlast: &Outlast, samples: &mut Samples) -> Result<()> {
    for run in 1..=stage.runs() {
        let of = format!("run {run} of {}", stage.runs());
        bed.fresh_table().await?;
        let most = most(bed, stage.rows()).await?;
        samples.most.push(most);
        let rate = most * HALF;
        stage.say(&format!("load, {of}: at most {most:.0} writes/s; now at {rate:.0}/s"));
        bed.settle().await?;
        let name = format!("load-fixed-{run}");
        let pass = pass(bed, outlast, stage.rows(), Pace::PerSecond(rate), &name).await?;
        stage.say(&format!("load, {of}: fixed rate: {}", pass.told()));
        samples.fixed.push(pass);

        bed.fresh_table().await?;
        let name = format!("load-closed-{run}");
        let pass = self::pass(bed, outlast, stage.rows(), Pace::ClosedLoop, &name).await?;
        stage.say(&format!("load, {of}: closed loop: {}", pass.told()));
        samples.closed.push(pass);
    }
    Ok(())
}

/// How many writes a second the machine can do.
pub(crate) async fn most(bed: &Bed, rows: u64) -> Result<f64> {
    let load = Load::start(bed.primary(), rows, Pace::ClosedLoop, Mix::AllKinds).await?;
    load.go_on(WARM_UP).await;
    let (from, to) = load.go_on(WINDOW).await;
    let trace = load.stop().await?;
    let window = trace.window(from, to).context("the closed loop wrote nothing")?;
    Ok(window.per_second)
}

async fn pass(bed: &Bed, outlast: &Outlast, rows: u64, pace: Pace, name: &str) -> Result<Pass> {
    let load = Load::start(bed.primary(), rows, pace, Mix::AllKinds).await?;
    load.go_on(WARM_UP).await;
    load.until_even().await?;
    let before = load.go_on(WINDOW).await;
    let begun = load.now();
    let run = outlast.run(bed, name, &[], LIMIT).await?;
    let ended = begun + run.wall;
    let after = load.go_on(WINDOW).await;
    let trace = load.stop().await?;
    Ok(Pass {
        before: window(&trace, before)?,
        during: window(&trace, (begun, ended))?,
        after: window(&trace, after)?,
        migration_seconds: run.wall.as_secs_f64(),
        complaint: trace.complaint(),
    })
}

fn window(trace: &Trace, (from, to): (Duration, Duration)) -> Result<Window> {
    trace
        .window(from, to)
        .context("the application wrote nothing for a while")
}

impl Pass {
    fn told(&self) -> String {
        let of = |window: &Window| format!("{:.0}/s, p99 {:.1} ms", window.per_second, window.p99_ms);
        format!(
            "{} before, {} during the {:.1} s of the migration, {} after",
            of(&self.before),
            of(&self.during),
            self.migration_seconds,
            of(&self.after)
        )
    }
}

impl Samples {
    fn report(&self, part: &mut Part) {
        part.median("closed loop, idle", Unit::PerSecond, &self.most);
        let before = |passes: &[Pass], of: fn(&Window) -> f64| each(passes, |pass| of(&pass.before));
        let during = |passes: &[Pass], of: fn(&Window) -> f64| each(passes, |pass| of(&pass.during));
        let rate: fn(&Window) -> f64 = |window| window.per_second;
        let p99: fn(&Window) -> f64 = |window| window.p99_ms;

        let kept = ratios(&during(&self.fixed, rate), &before(&self.fixed, rate));
        part.median("fixed rate, throughput kept", Unit::Ratio, &kept)
            .bar(bars::THROUGHPUT_KEPT);
        let slower = ratios(&during(&self.fixed, p99), &before(&self.fixed, p99));
        part.median("fixed rate, p99 latency, of that before", Unit::Ratio, &slower)
            .bar(bars::LATENCY);
        // Both sides of the migration: the machine may have become slower or faster by itself.
        let without = each(&self.closed, |pass| {
            (pass.before.per_second + pass.after.per_second) / 2.0
        });
        let kept = ratios(&during(&self.closed, rate), &without);
        part.median("closed loop, throughput kept", Unit::Ratio, &kept)
            .bar(bars::CLOSED_LOOP_KEPT);

        for (pace, passes) in [("fixed rate", &self.fixed), ("closed loop", &self.closed)] {
            let took = each(passes, |pass| pass.migration_seconds);
            part.median(format!("{pace}, outlast run"), Unit::Seconds, &took);
            for (when, of) in [
                ("before", (|pass| pass.before) as fn(&Pass) -> Window),
                ("during", |pass| pass.during),
                ("after", |pass| pass.after),
            ] {
                let at = |what: &str| format!("{pace}, {what} {when}");
                part.median(at("writes"), Unit::PerSecond, &each(passes, |pass| of(pass).per_second));
                part.median(at("p50"), Unit::Milliseconds, &each(passes, |pass| of(pass).p50_ms));
                part.median(at("p99"), Unit::Milliseconds, &each(passes, |pass| of(pass).p99_ms));
                let longest = each(passes, |pass| of(pass).longest_ms);
                part.greatest(at("longest"), Unit::Milliseconds, &longest);
            }
        }
        for pass in self.fixed.iter().chain(&self.closed) {
            if let Some(complaint) = &pass.complaint {
                part.remark(complaint.clone());
            }
        }
    }
}

fn each(passes: &[Pass], of: impl Fn(&Pass) -> f64) -> Vec<f64> {
    passes.iter().map(of).collect()
}

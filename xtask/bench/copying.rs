//! The copy of an idle table.

use std::time::Duration;

use anyhow::{Context, Result};
use outlast_testbed::Topology;

use crate::{
    bars,
    bed::Bed,
    figures::{grouped, median, ratios},
    outlast::{Outlast, Run},
    report::{Part, Unit},
    stage::{Stage, USUAL_ROWS},
};

/// An hour for five million rows, and then some.
const LIMIT: Duration = Duration::from_secs(2 * 3600);

/// What is measured in turn. Each works on a fresh copy of the same table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    NativeCopy,
    NativeInplace,
    Outlast,
    OutlastDeferring,
    TwoSessions,
}

/// What the runs measured, for one size; in seconds.
#[derive(Default)]
struct Samples {
    plain: Vec<f64>,
    two_sessions: Vec<f64>,
    native_copy: Vec<f64>,
    native_inplace: Vec<f64>,
    outlast: Vec<f64>,
    outlast_deferring: Vec<f64>,
    outlast_copy_phase: Vec<f64>,
    peak_mebibytes: Vec<f64>,
    cpu: Vec<f64>,
    server_cpu: Vec<f64>,
}

/// Measures all sizes.
pub(crate) async fn measure(stage: &Stage, part: &mut Part) -> Result<()> {
    let bed = Bed::start(stage, Topology::Single).await?;
    let outlast = Outlast::new(stage, &bed);
    let mut measured: Vec<(u64, Samples)> = Vec::new();
    for rows in stage.sizes() {
        bed.fill(stage, rows).await?;
        let mut samples = Samples::default();
        let outcome = repeat(stage, &bed, &outlast, rows, &mut samples).await;
        samples.report(part, rows);
        measured.push((rows, samples));
        outcome.with_context(|| format!("{} rows", grouped(rows)))?;
    }
    report_growth(part, &measured);
    Ok(())
}

async fn repeat(stage: &Stage, bed: &Bed, outlast: &Outlast, rows: u64, samples: &mut Samples) -> Result<()> {
    let mut ways = [
        Way::NativeCopy,
        Way::Outlast,
        Way::NativeInplace,
        Way::OutlastDeferring,
        Way::TwoSessions,
    ];
    for run in 1..=stage.runs() {
        let mut plain = Vec::new();
        for way in ways {
            plain.push(bed.fresh_table().await?.as_secs_f64());
            let took = match way {
                Way::NativeCopy => {
                    let took = bed.alter("ALGORITHM=COPY").await?.as_secs_f64();
                    samples.native_copy.push(took);
                    took
                }
                Way::NativeInplace => {
                    let took = bed.alter("FORCE, ALGORITHM=INPLACE, LOCK=NONE").await?.as_secs_f64();
                    samples.native_inplace.push(took);
                    took
                }
                Way::TwoSessions => {
                    let took = bed.copy_in_two_sessions(rows).await?.as_secs_f64();
                    samples.two_sessions.push(took);
                    took
                }
                Way::Outlast => {
                    let ended = outlast.run(bed, &format!("copy-{rows}-{run}"), &[], LIMIT).await?;
                    samples.note(&ended)
                }
                Way::OutlastDeferring => {
                    let name = format!("copy-deferring-{rows}-{run}");
                    let ended = outlast.run(bed, &name, &["--defer-indexes"], LIMIT).await?;
                    let took = ended.wall.as_secs_f64();
                    samples.outlast_deferring.push(took);
                    took
                }
            };
            stage.say(&format!(
                "copy of {} rows, run {run} of {}: {way:?} {took:.2} s",
                grouped(rows),
                stage.runs()
            ));
        }
        // There is one before each way; one figure a run, as of the others.
        samples.plain.extend(median(&plain));
        // The next run begins with another.
        ways.rotate_left(1);
    }
    Ok(())
}

impl Samples {
    fn note(&mut self, run: &Run) -> f64 {
        let wall = run.wall.as_secs_f64();
        self.outlast.push(wall);
        if let (Some(begun), Some(ended)) = (run.moments.copying, run.moments.following) {
            self.outlast_copy_phase.push(ended.saturating_sub(begun) as f64 / 1e6);
        }
        self.peak_mebibytes.push(run.usage.peak_mebibytes);
        self.cpu.push(run.usage.cpu_seconds);
        self.server_cpu.push(run.server_cpu_seconds);
        wall
    }

    fn report(&self, part: &mut Part, rows: u64) {
        let at = |what: &str| format!("{what}, {} rows", grouped(rows));
        // Where a copy takes a second, the bars would judge the start of the program.
        let is_judged = rows >= USUAL_ROWS;
        let against_copy = ratios(&self.outlast, &self.native_copy);
        let ratio = part.median(at("time, of native ALGORITHM=COPY"), Unit::Ratio, &against_copy);
        if is_judged {
            ratio.bar(bars::COPY);
        }
        let deferring = ratios(&self.outlast_deferring, &self.native_copy);
        let ratio = part.median(
            at("time with --defer-indexes, of native ALGORITHM=COPY"),
            Unit::Ratio,
            &deferring,
        );
        if is_judged {
            ratio.bar(bars::COPY_WITH_DEFERRED_INDEXES);
        }
        for (what, samples) in [
            (
                "time, of native ALGORITHM=INPLACE",
                ratios(&self.outlast, &self.native_inplace),
            ),
            ("time, of one INSERT … SELECT", ratios(&self.outlast, &self.plain)),
            (
                "time of the copy phase, of two plain sessions",
                ratios(&self.outlast_copy_phase, &self.two_sessions),
            ),
            (
                "time of two plain sessions, of native ALGORITHM=COPY",
                ratios(&self.two_sessions, &self.native_copy),
            ),
            (
                "time of the copy phase, of one INSERT … SELECT",
                ratios(&self.outlast_copy_phase, &self.plain),
            ),
        ] {
            part.median(at(what), Unit::Ratio, &samples);
        }
        let cpu = ratios(&self.cpu, &self.server_cpu);
        let cpu = part.median(at("CPU, of the server's meanwhile"), Unit::Ratio, &cpu);
        if is_judged {
            cpu.bar(bars::CPU);
        }
        part.median(at("peak memory"), Unit::Mebibytes, &self.peak_mebibytes)
            .bar(bars::MEMORY);
        for (what, samples) in [
            ("outlast run", &self.outlast),
            ("outlast run --defer-indexes", &self.outlast_deferring),
            ("outlast run, its copy phase", &self.outlast_copy_phase),
            ("native ALGORITHM=COPY", &self.native_copy),
            ("native ALGORITHM=INPLACE", &self.native_inplace),
            ("INSERT … SELECT", &self.plain),
            ("INSERT … SELECT in two sessions", &self.two_sessions),
            ("CPU of outlast", &self.cpu),
            ("CPU of the server meanwhile", &self.server_cpu),
        ] {
            if !samples.is_empty() {
                part.median(at(what), Unit::Seconds, samples);
            }
        }
        for (what, samples) in [("outlast run", &self.outlast), ("native COPY", &self.native_copy)] {
            let each: Vec<f64> = samples.iter().map(|seconds| seconds * 1e6 / rows as f64).collect();
            part.median(at(&format!("{what}, for each row")), Unit::Microseconds, &each);
        }
    }
}

/// What the largest table costs, of what the smaller ones do.
fn report_growth(part: &mut Part, measured: &[(u64, Samples)]) {
    let Some(((largest, at_largest), smaller)) = measured.split_last() else {
        return;
    };
    for (rows, samples) in smaller {
        let times = *largest as f64 / *rows as f64;
        let sizes = format!("{} rows of {}", grouped(*largest), grouped(*rows));
        for (what, large, small) in [
            ("outlast run", &at_largest.outlast, &samples.outlast),
            ("native COPY", &at_largest.native_copy, &samples.native_copy),
        ] {
            let each: Vec<f64> = ratios(large, small).iter().map(|ratio| ratio / times).collect();
            part.median(format!("{what}, cost of a row, {sizes}"), Unit::Ratio, &each);
        }
        let memory = ratios(&at_largest.peak_mebibytes, &samples.peak_mebibytes);
        let memory = part.median(format!("peak memory, {sizes}"), Unit::Ratio, &memory);
        if *rows >= USUAL_ROWS {
            memory.bar(bars::MEMORY_GROWTH);
        }
    }
}

//! Running many seeds, on all cores.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use outlast_tests::result::Results;

use crate::{
    arguments::Arguments,
    plan::Plan,
    run::{Ended, schedule},
};

const NAME: &str = "whatever_fate_does_the_migration_completes_and_no_row_is_lost";

/// Lines of the journal that are shown of a failing seed.
const SHOWN: usize = 80;

/// What came of some seeds.
#[derive(Debug, Default)]
pub(crate) struct Count {
    pub(crate) complete: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// The lowest seed with a violation that was found, and the violation.
    pub(crate) violation: Mutex<Option<(u64, String)>>,
    stop: AtomicBool,
}

impl Count {
    pub(crate) fn done(&self) -> u64 {
        self.complete.load(Ordering::Relaxed) + self.failed.load(Ordering::Relaxed)
    }

    fn violated(&self, seed: u64, what: String) {
        let mut violation = self.violation.lock().unwrap_or_else(PoisonError::into_inner);
        if violation.as_ref().is_none_or(|(lowest, _)| seed < *lowest) {
            *violation = Some((seed, what));
        }
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Runs seeds until one of them is a violation. `plan` makes a schedule of a seed, `within` surrounds the runs of each thread.
pub(crate) fn search(
    arguments: &Arguments,
    seeds: u64,
    plan: impl Fn(u64) -> Plan + Sync,
    within: impl Fn(&mut dyn FnMut()) + Sync,
    count: &Count,
    bar: &ProgressBar,
) {
    let next = AtomicU64::new(arguments.first);
    thread::scope(|scope| {
        for _ in 0..arguments.threads {
            scope.spawn(|| {
                within(&mut || {
                    while !count.stop.load(Ordering::Relaxed) {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= arguments.first + seeds {
                            break;
                        }
                        match schedule(seed, || plan(seed), false) {
                            Ok(Ended::Complete) => count.complete.fetch_add(1, Ordering::Relaxed),
                            Ok(Ended::Failed) => count.failed.fetch_add(1, Ordering::Relaxed),
                            Err(violation) => {
                                count.violated(seed, violation.what);
                                0
                            }
                        };
                        bar.inc(1);
                    }
                });
            });
        }
    });
}

/// Runs the seeds that are asked for, and prints what came of them. All of them together are one test.
///
/// # Errors
/// If the bar's template can't be read.
pub(crate) fn run(arguments: &Arguments, results: &mut Results) -> Result<()> {
    if !results.wants(NAME) {
        return Ok(());
    }
    let begun = Instant::now();
    let count = Count::default();
    // Shown where somebody looks.
    let bar = ProgressBar::new(arguments.seeds).with_style(ProgressStyle::with_template(
        "[{bar:40}] {pos}/{len} schedules, {per_sec}, {eta} left",
    )?);
    search(arguments, arguments.seeds, Plan::of, |runs| runs(), &count, &bar);
    bar.finish_and_clear();
    let seconds = begun.elapsed().as_secs_f64();
    let violation = count.violation.lock().unwrap_or_else(PoisonError::into_inner).clone();
    println!(
        "{} schedules in {seconds:.1} s on {} threads ({:.0} a second and thread): {} complete, {} failed with a reason, {} violations",
        count.done() + u64::from(violation.is_some()),
        arguments.threads,
        count.done() as f64 / seconds / arguments.threads as f64,
        count.complete.load(Ordering::Relaxed),
        count.failed.load(Ordering::Relaxed),
        u8::from(violation.is_some()),
    );
    match &violation {
        Some((seed, what)) => {
            explain(*seed, what);
            results.add(&format!("{NAME}: seed {seed}"), false);
        }
        None => results.add(NAME, true),
    }
    Ok(())
}

/// Runs a failing seed again, with a journal.
fn explain(seed: u64, what: &str) {
    let plan = || {
        let plan = Plan::of(seed);
        println!("{plan:?}");
        plan
    };
    match schedule(seed, plan, true) {
        Err(violation) => {
            let mut journal = violation.journal;
            if let Some(noticed) = journal.iter().position(|line| line.contains("VIOLATION")) {
                journal.truncate(noticed + 1);
            }
            let from = journal.len().saturating_sub(SHOWN);
            journal[from..].iter().for_each(|line| println!("{line}"));
        }
        Ok(_) => {
            println!("run again, the seed is no violation: the simulation is not deterministic, which is a bug of it")
        }
    }
    println!("seed {seed}: {what}\nto see it again: cargo xtask sim --first {seed} --seeds 1");
}

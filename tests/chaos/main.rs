//! Real clusters under fire: random topologies, ALTERs and faults, while an application writes; and in the end every row, every
//! acknowledged write and the whole history is checked.
//!
//! Run it with `cargo xtask chaos --rounds N --seed S`. All choices of a round follow from the seed and its number; the timing
//! of processes does not.

mod arguments;
mod errands;
mod faults;
mod history;
mod plan;
mod report;
mod round;
mod stage;
mod table;
mod verdict;
mod watch;

use std::{
    collections::BTreeSet,
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use tokio::task::JoinSet;

use arguments::Arguments;
use outlast_testbed::SmallDisk;
use outlast_tests::result::{Results, exit_code};
use plan::{Machine, Plan};
use report::Report;
use round::{Outcome, Sabotage, play};

/// Rounds mostly wait: for servers to start, for copies that are slowed down, and for what is frozen.
const JOBS_PER_CORE: usize = 2;

/// The names of the checks of the checks.
const SOUND_PLANS: &str = "a seed always makes the same plans, with everything in them";
const FOUND_ROWS: &str = "spoilt rows of the shadow are found";

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(run().await)
}

/// Whether no round had a violation.
async fn run() -> Result<bool> {
    let arguments = Arguments::parse(env::args().skip(1))?;
    let seed = arguments.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/chaos");
    std::fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let jobs = match arguments.jobs {
        Some(jobs) => jobs,
        None => std::thread::available_parallelism()?.get() * JOBS_PER_CORE,
    };
    let mut results = Results::begin(arguments.filter);
    let rounds = match arguments.round {
        Some(number) => number..number + 1,
        None => 0..arguments.rounds,
    };
    let numbers: Vec<u64> = rounds
        .filter(|number| results.wants(&format!("round/{number}")))
        .collect();
    let [sound_plans, found_rows] = [SOUND_PLANS, FOUND_ROWS].map(|name| arguments.self_check && results.wants(name));
    if numbers.is_empty() && !sound_plans && !found_rows {
        return Ok(results.end());
    }
    println!("{} rounds of seed {seed}, {jobs} at a time", numbers.len());
    let machine = machine();
    if arguments.plans {
        for number in numbers {
            println!("{:?}", Plan::new(seed, number, &machine));
        }
        return Ok(true);
    }
    let mut report = Report::begin(seed, numbers.len() as u64, results);
    let mut playing = JoinSet::new();
    let mut waiting = numbers.into_iter();
    loop {
        while playing.len() < jobs
            && let Some(number) = waiting.next()
        {
            let plan = Plan::new(seed, number, &machine);
            let directory = round_folder(&folder, &plan);
            playing.spawn(async move { play(plan, &directory, None).await });
        }
        let Some(played) = playing.join_next().await else {
            break;
        };
        report.add(&played.context("a round panicked")?);
    }
    if sound_plans {
        report.add_check(SOUND_PLANS, plans_are_sound());
    }
    if found_rows {
        report.add_check(FOUND_ROWS, spoilt_rows_are_found(&folder, &machine).await);
    }
    report.end(&folder)
}

/// Says what is not available here, instead of leaving it out silently.
fn machine() -> Machine {
    let small_disks = SmallDisk::is_available();
    if let Err(error) = &small_disks {
        println!("not available on this machine: full disks ({error:#}); other faults take their place");
    }
    println!("not available in a group: cut connections between its members, which talk to each other directly");
    Machine {
        has_small_disks: small_disks.is_ok(),
    }
}

fn round_folder(folder: &Path, plan: &Plan) -> PathBuf {
    folder.join(format!("{}-{}", plan.seed, plan.number))
}

/// A seed always makes the same plans, another seed other ones; and each fault, topology and phase is among them.
fn plans_are_sound() -> bool {
    let machine = Machine { has_small_disks: true };
    let plans = |seed| (0..500).map(move |number| Plan::new(seed, number, &machine));
    let shown = |seed| plans(seed).map(|plan| format!("{plan:?}")).collect::<Vec<_>>();
    let (mut faults, mut topologies) = (BTreeSet::new(), BTreeSet::new());
    for plan in plans(1) {
        topologies.insert(plan::shown(plan.topology));
        faults.extend(plan.faults.iter().map(|planned| planned.fault.name()));
    }
    shown(1) == shown(1) && shown(1) != shown(2) && faults.len() == plan::KINDS && topologies.len() == 6
}

/// A comparison that is never red proves nothing.
async fn spoilt_rows_are_found(folder: &Path, machine: &Machine) -> bool {
    // The first plan of a copy that succeeds.
    let plans = (0..).map(|number| Plan::new(0, number, machine));
    let plan = plans
        .into_iter()
        .find(|plan| !plan.may_be_instant && !plan.change.must_fail);
    let Some(mut plan) = plan else { return false };
    plan.faults.clear();
    let directory = folder.join("self-check");
    let played = play(plan, &directory, Some(Sabotage::Rows)).await;
    // It is what was to be found.
    let _ = std::fs::remove_dir_all(directory.join("servers"));
    match &played.outcome {
        Outcome::Violation(violations) => violations
            .iter()
            .any(|v| v.starts_with("rows: ") && v.contains("differ")),
        _ => false,
    }
}

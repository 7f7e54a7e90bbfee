//! Plays the cases of `cases/GROUP/NAME.sql` on a real server: each is a table, an ALTER, and what the application does
//! meanwhile; and each must end as MySQL's own ALTER ends, with every row and the whole definition the same.
//!
//! Run it with `cargo xtask alters [FILTER]`. OUTLAST_ALTERS_THREADS says how many cases are played at a time,
//! OUTLAST_ALTERS_CASES names another folder of cases.

mod application;
mod arguments;
mod oracle;
mod player;
mod program;
mod random;
mod report;
mod self_check;
mod verdict;

use std::{
    env,
    future::Future,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use outlast_testbed::{Cluster, Topology};
use outlast_tests::{
    case::{self, Case},
    result::{Results, exit_code},
};
use tokio::{task::JoinSet, time::Instant};

use arguments::Arguments;
use player::{Stand, play};
use random::Random;
use report::report;

const CASES: &str = "OUTLAST_ALTERS_CASES";
const THREADS: &str = "OUTLAST_ALTERS_THREADS";
/// Cases mostly wait: for copies that are slowed down.
const USUAL_THREADS: usize = 6;
/// The time zone of the server, and the second one for cases that are about time.
const ZONES: [&str; 2] = ["+00:00", "+08:00"];

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(run().await)
}

/// A case to play, and the name it is shown by.
struct Planned {
    name: String,
    case: Case,
}

/// What is played.
#[derive(Default)]
struct Plan {
    checks: bool,
    /// Several at a time, in each time zone.
    together: [Vec<Planned>; 2],
    /// Those that change variables of the server, with their time zones.
    alone: Vec<(&'static str, Planned)>,
    random: Vec<u64>,
}

impl Plan {
    fn is_empty(&self) -> bool {
        let together = self.together.iter().all(Vec::is_empty);
        together && self.alone.is_empty() && self.random.is_empty() && !self.checks
    }
}

/// Whether all passed.
async fn run() -> Result<bool> {
    let arguments = Arguments::parse(env::args().skip(1))?;
    let threads = threads()?;
    let mut results = Results::begin(arguments.filter);
    let plan = plan(arguments.random, &mut results)?;
    if plan.is_empty() {
        return Ok(results.end());
    }
    let stand = Arc::new(stand().await?);
    if plan.checks {
        let begun = Instant::now();
        let outcome = self_check::run(&stand).await.and_then(|()| random::check_replay());
        report(&mut results, self_check::NAME, begun.elapsed(), outcome);
    }
    for (zone, planned) in ZONES.into_iter().zip(plan.together) {
        set_time_zone(&stand, zone).await?;
        let plays = planned.into_iter().map(|planned| one(Arc::clone(&stand), planned));
        at_a_time(threads, plays, &mut results).await?;
    }
    set_time_zone(&stand, ZONES[0]).await?;
    if !plan.random.is_empty() {
        let random = Arc::new(Random::new(arguments.seed.unwrap_or_else(rand::random)));
        println!("{} random cases, --seed={}", plan.random.len(), random.seed());
        let play = |index| one_random(Arc::clone(&stand), Arc::clone(&random), index);
        at_a_time(threads, plan.random.into_iter().map(play), &mut results).await?;
        println!("{}", random.summary());
        if let Some(verdict) = random.few_are_refused() {
            report(&mut results, random::FEW_REFUSED, Duration::ZERO, verdict);
        }
    }
    for (zone, planned) in plan.alone {
        set_time_zone(&stand, zone).await?;
        let (name, globals) = (planned.name.clone(), planned.case.globals.clone());
        match player::set_globals(stand.node(), &globals).await {
            Ok(old) => {
                at_a_time(1, [one(Arc::clone(&stand), planned)], &mut results).await?;
                player::restore_globals(stand.node(), &old).await?;
            }
            Err(error) => report(&mut results, &name, Duration::ZERO, Err(error)),
        }
    }
    Ok(results.end())
}

/// What of all there is the arguments want to be played. A file that is no case has failed.
fn plan(random: u64, results: &mut Results) -> Result<Plan> {
    let folder = env::var_os(CASES).map_or_else(case::folder, PathBuf::from);
    let mut plan = Plan {
        checks: results.wants(self_check::NAME),
        random: (0..random)
            .filter(|index| results.wants(&format!("random/{index}")))
            .collect(),
        ..Plan::default()
    };
    for file in case::files(&folder)? {
        let name = file.strip_prefix(&folder)?.with_extension("").display().to_string();
        let case = match Case::read(&file) {
            Ok(case) => case,
            Err(error) => {
                if results.wants(&name) {
                    report(results, &name, Duration::ZERO, Err(error));
                }
                continue;
            }
        };
        let zones = if case.time { &ZONES[..] } else { &ZONES[..1] };
        for (index, zone) in zones.iter().enumerate() {
            let name = if case.time {
                format!("{name} {zone}")
            } else {
                name.clone()
            };
            if !results.wants(&name) {
                continue;
            }
            let planned = Planned {
                name,
                case: case.clone(),
            };
            match case.globals.is_empty() {
                true => plan.together[index].push(planned),
                false => plan.alone.push((*zone, planned)),
            }
        }
    }
    Ok(plan)
}

/// Plays one case; returns its name and how it ended.
async fn one(stand: Arc<Stand>, planned: Planned) -> (String, Duration, Result<()>) {
    let begun = Instant::now();
    let outcome = play(&stand, &planned.case, &stand.new_schema(), &planned.name).await;
    (planned.name, begun.elapsed(), outcome)
}

/// Plays one random case, as [`one`] does.
async fn one_random(stand: Arc<Stand>, random: Arc<Random>, index: u64) -> (String, Duration, Result<()>) {
    let begun = Instant::now();
    let outcome = random.play(&stand, index).await;
    (format!("random/{index}"), begun.elapsed(), outcome)
}

/// Runs some of these at a time, and reports each when it has ended.
async fn at_a_time<F>(threads: usize, plays: impl IntoIterator<Item = F>, results: &mut Results) -> Result<()>
where
    F: Future<Output = (String, Duration, Result<()>)> + Send + 'static,
{
    let mut running = JoinSet::new();
    let mut plays = plays.into_iter();
    loop {
        while running.len() < threads
            && let Some(play) = plays.next()
        {
            running.spawn(play);
        }
        let Some(ended) = running.join_next().await else {
            return Ok(());
        };
        let (name, duration, outcome) = ended.context("a case panicked")?;
        report(results, &name, duration, outcome);
    }
}

async fn stand() -> Result<Stand> {
    let cluster = Cluster::builder(Topology::Single)
        .argument(format!("--default-time-zone={}", ZONES[0]))
        // No machine crashes here, and every case commits hundreds of times.
        .argument("--sync-binlog=0")
        .argument("--innodb-flush-log-at-trx-commit=2")
        // An application that waits for a lock shall say so before the case is given up.
        .argument("--innodb-lock-wait-timeout=20")
        // Questions to the server are asked on connections of their own, many a second.
        .argument("--max-connections=4000")
        .start()
        .await?;
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/alters");
    std::fs::create_dir_all(&logs).with_context(|| format!("creating {}", logs.display()))?;
    Ok(Stand::new(cluster, logs))
}

async fn set_time_zone(stand: &Stand, zone: &str) -> Result<()> {
    stand.node().execute(&format!("SET GLOBAL time_zone = '{zone}'")).await
}

fn threads() -> Result<usize> {
    match env::var(THREADS) {
        Ok(threads) => {
            let number: usize = threads
                .parse()
                .with_context(|| format!("{THREADS} is {threads:?}, no number"))?;
            Ok(number.max(1))
        }
        Err(_) => Ok(USUAL_THREADS),
    }
}

//! Plays the cases of `cases/GROUP/NAME.sql` on a real server: each is a table, an ALTER, and what the application does
//! meanwhile; and each must end as MySQL's own ALTER ends, with every row and the whole definition the same.
//!
//! Run it with `cargo xtask alters [FILTER]`. OUTLAST_ALTERS_THREADS says how many cases are played at a time.

mod application;
mod arguments;
mod oracle;
mod player;
mod program;
mod report;
mod self_check;
mod verdict;

use std::{env, future::Future, path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, ensure};
use outlast_testbed::{Cluster, Topology};
use outlast_tests::case::{self, Case};
use tokio::task::JoinSet;

use arguments::Arguments;
use player::{Stand, play};
use report::Report;

const THREADS: &str = "OUTLAST_ALTERS_THREADS";
/// Cases mostly wait: for copies that are slowed down.
const USUAL_THREADS: usize = 6;
/// The time zone of the server, and the second one for cases that are about time.
const ZONES: [&str; 2] = ["+00:00", "+08:00"];

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A case to play, and the name it is shown by.
struct Planned {
    name: String,
    case: Case,
}

/// Whether all passed.
async fn run() -> Result<bool> {
    let arguments = Arguments::parse(env::args().skip(1))?;
    let threads = threads()?;
    let cases = case::files(&case::folder())?
        .iter()
        .map(|file| Case::read(file))
        .collect::<Result<Vec<_>>>()?;
    let mut report = Report::begin();
    let mut alone = Vec::new();
    let mut together = [Vec::new(), Vec::new()];
    for case in cases {
        for (index, zone) in ZONES.iter().enumerate().take(if case.time { 2 } else { 1 }) {
            let name = match case.time {
                true => format!("{} {zone}", case.full_name()),
                false => case.full_name(),
            };
            if !arguments.wants(&name) {
                report.leave_out();
                continue;
            }
            let planned = Planned {
                name,
                case: case.clone(),
            };
            match case.globals.is_empty() {
                true => together[index].push(planned),
                false => alone.push((*zone, planned)),
            }
        }
    }
    let checks_itself = arguments.wants(self_check::NAME);
    let planned = together.iter().map(Vec::len).sum::<usize>() + alone.len() + usize::from(checks_itself);
    ensure!(
        planned > 0,
        "no case has {:?} in its name",
        arguments.filter.unwrap_or_default()
    );

    let stand = Arc::new(stand().await?);
    if checks_itself {
        let begun = tokio::time::Instant::now();
        report.add(self_check::NAME, begun.elapsed(), self_check::run(&stand).await);
    }
    for (zone, planned) in ZONES.into_iter().zip(together) {
        set_time_zone(&stand, zone).await?;
        let plays = planned.into_iter().map(|planned| one(Arc::clone(&stand), planned));
        at_a_time(threads, plays, &mut report).await?;
    }
    for (zone, planned) in alone {
        set_time_zone(&stand, zone).await?;
        let old = player::set_globals(stand.node(), &planned.case.globals).await;
        let restore = old.as_ref().ok().cloned().unwrap_or_default();
        match old {
            Ok(_) => at_a_time(1, [one(Arc::clone(&stand), planned)], &mut report).await?,
            Err(error) => report.add(&planned.name, Default::default(), Err(error)),
        }
        player::restore_globals(stand.node(), &restore).await?;
    }
    Ok(report.end())
}

/// Plays one case; returns its name and how it ended.
async fn one(stand: Arc<Stand>, planned: Planned) -> (String, std::time::Duration, Result<()>) {
    let begun = tokio::time::Instant::now();
    let outcome = play(&stand, &planned.case, &stand.new_schema(), &planned.name).await;
    (planned.name, begun.elapsed(), outcome)
}

/// Runs some of these at a time, and reports each when it has ended.
async fn at_a_time<F>(threads: usize, plays: impl IntoIterator<Item = F>, report: &mut Report) -> Result<()>
where
    F: Future<Output = (String, std::time::Duration, Result<()>)> + Send + 'static,
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
        report.add(&name, duration, outcome);
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

//! Other tools, where they are on the path: the same table, idle and under the same load.

use std::{
    env,
    fs::File,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use outlast_testbed::{Node, Topology, accounts};
use tokio::process::Command;

use crate::{
    bed::{Bed, CHANGES},
    figures::{grouped, ratios},
    load::{Load, Mix, Pace},
    outlast::Outlast,
    report::{Part, Unit},
    stage::Stage,
    under_load::most,
};

const LIMIT: Duration = Duration::from_secs(2 * 3600);
const WARM_UP: Duration = Duration::from_secs(5);
const HALF: f64 = 0.5;

/// A tool, and how it is told to migrate the table.
struct Tool {
    program: &'static str,
    arguments: fn(&Node) -> Vec<String>,
}

const TOOLS: [Tool; 3] = [
    Tool {
        program: "gh-ost",
        arguments: gh_ost,
    },
    Tool {
        program: "pt-online-schema-change",
        arguments: pt_online_schema_change,
    },
    Tool {
        program: "spirit",
        arguments: spirit,
    },
];

fn gh_ost(node: &Node) -> Vec<String> {
    [
        "--host=127.0.0.1",
        &format!("--port={}", node.port()),
        &format!("--user={}", accounts::ROOT_USER),
        "--database=test",
        "--table=t",
        &format!("--alter={CHANGES}"),
        "--allow-on-master",
        "--assume-rbr",
        "--attempt-instant-ddl=false",
        "--initially-drop-ghost-table",
        "--initially-drop-old-table",
        "--initially-drop-socket-file",
        "--ok-to-drop-table",
        "--execute",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn pt_online_schema_change(node: &Node) -> Vec<String> {
    [
        "--alter",
        CHANGES,
        "--execute",
        "--no-version-check",
        "--recursion-method=none",
        &format!("h=127.0.0.1,P={},u={},D=test,t=t", node.port(), accounts::ROOT_USER),
    ]
    .map(str::to_owned)
    .to_vec()
}

fn spirit(node: &Node) -> Vec<String> {
    [
        "migrate",
        &format!("--host=127.0.0.1:{}", node.port()),
        &format!("--username={}", accounts::ROOT_USER),
        "--password=",
        "--database=test",
        "--table=t",
        &format!("--alter={CHANGES}"),
    ]
    .map(str::to_owned)
    .to_vec()
}

/// What the runs measured of one tool, in seconds.
struct Samples {
    name: &'static str,
    idle: Vec<f64>,
    loaded: Vec<f64>,
}

/// Measures those that are found, and Outlast in turn with them.
pub(crate) async fn measure(stage: &Stage, part: &mut Part) -> Result<()> {
    let mut found = Vec::new();
    for tool in &TOOLS {
        match on_path(tool.program) {
            Some(path) => {
                part.remark(format!("{}: {}", tool.program, version(&path).await?));
                found.push((tool, path));
            }
            None => {
                stage.say(&format!("tools: {} is not on PATH", tool.program));
                part.remark(format!("{}: not on PATH", tool.program));
            }
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let bed = Bed::start(stage, Topology::Single).await?;
    let outlast = Outlast::new(stage, &bed);
    bed.fill(stage, stage.rows()).await?;
    bed.fresh_table().await?;
    let rate = most(&bed, stage.rows()).await? * HALF;
    let mut own = Samples::of("outlast");
    let mut others: Vec<Samples> = found.iter().map(|(tool, _)| Samples::of(tool.program)).collect();
    let mut broken: Vec<String> = Vec::new();
    for run in 1..=stage.runs() {
        for is_loaded in [false, true] {
            let name = format!("tools-outlast-{run}-{is_loaded}");
            let migration = async {
                let run = outlast.run(&bed, &name, &[], LIMIT).await?;
                Ok(run.wall)
            };
            let took = timed(stage, &bed, is_loaded.then_some(rate), migration).await?;
            own.note(stage, run, is_loaded, took);
            for ((tool, path), samples) in found.iter().zip(&mut others) {
                if broken.iter().any(|name| name == tool.program) {
                    continue;
                }
                let migration = execute(stage, bed.primary(), tool, path, run);
                match timed(stage, &bed, is_loaded.then_some(rate), migration).await {
                    Ok(took) => samples.note(stage, run, is_loaded, took),
                    Err(error) => {
                        // The others can still be measured.
                        stage.say(&format!("tools: {}: {error:#}", tool.program));
                        part.remark(format!("{} could not be measured: {error:#}", tool.program));
                        broken.push(tool.program.to_owned());
                    }
                }
            }
        }
    }
    report(part, stage, rate, &own, &others);
    ensure!(broken.is_empty(), "these failed: {}", broken.join(", "));
    Ok(())
}

fn report(part: &mut Part, stage: &Stage, rate: f64, own: &Samples, others: &[Samples]) {
    let rows = grouped(stage.rows());
    for other in others {
        for (when, ours, theirs) in [
            ("idle", &own.idle, &other.idle),
            ("under load", &own.loaded, &other.loaded),
        ] {
            let name = format!("time of outlast, of {}'s, {when}, {rows} rows", other.name);
            part.median(name, Unit::Ratio, &ratios(ours, theirs));
        }
    }
    for samples in others.iter().chain([own]) {
        part.median(format!("{}, idle", samples.name), Unit::Seconds, &samples.idle);
        part.median(format!("{}, under load", samples.name), Unit::Seconds, &samples.loaded);
    }
    part.remark(format!(
        "the load is {rate:.0} writes/s, half of what the machine can do; each tool runs with its defaults"
    ));
}

impl Samples {
    fn of(name: &'static str) -> Self {
        Self {
            name,
            idle: Vec::new(),
            loaded: Vec::new(),
        }
    }

    fn note(&mut self, stage: &Stage, run: usize, is_loaded: bool, took: Duration) {
        let seconds = took.as_secs_f64();
        let (list, when) = match is_loaded {
            true => (&mut self.loaded, "under load"),
            false => (&mut self.idle, "idle"),
        };
        list.push(seconds);
        stage.say(&format!(
            "tools, run {run} of {}: {}, {when}: {seconds:.2} s",
            stage.runs(),
            self.name
        ));
    }
}

/// Migrates a fresh table, perhaps under a load.
async fn timed(
    stage: &Stage,
    bed: &Bed,
    rate: Option<f64>,
    migration: impl Future<Output = Result<Duration>>,
) -> Result<Duration> {
    bed.fresh_table().await?;
    let Some(rate) = rate else {
        return migration.await;
    };
    let load = Load::start(bed.primary(), stage.rows(), Pace::PerSecond(rate), Mix::AllKinds).await?;
    load.go_on(WARM_UP).await;
    let took = migration.await?;
    let trace = load.stop().await?;
    if let Some(complaint) = trace.complaint() {
        stage.say(&complaint);
    }
    Ok(took)
}

async fn execute(stage: &Stage, node: &Node, tool: &Tool, path: &PathBuf, run: usize) -> Result<Duration> {
    let log = stage.logs.join(format!("tools-{}-{run}.log", tool.program));
    let output = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
    let errors = output.try_clone().context("a second handle of the log")?;
    let mut command = Command::new(path);
    command
        .args((tool.arguments)(node))
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .kill_on_drop(true);
    let begun = Instant::now();
    let status = tokio::time::timeout(LIMIT, command.status())
        .await
        .with_context(|| format!("it has not ended within {LIMIT:?}; see {}", log.display()))?
        .with_context(|| format!("starting {}", path.display()))?;
    let took = begun.elapsed();
    ensure!(status.success(), "{status}; see {}", log.display());
    Ok(took)
}

/// What the tool says it is.
async fn version(path: &PathBuf) -> Result<String> {
    let output = Command::new(path).arg("--version").stdin(Stdio::null()).output();
    let output = output.await.with_context(|| format!("starting {}", path.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    // Some have no such option.
    Ok(match text.lines().next() {
        Some(line) if output.status.success() => line.trim().to_owned(),
        _ => "of a version that it does not tell".to_owned(),
    })
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

//! How fast Outlast is, and how gentle with the application: `cargo xtask bench`.
//!
//! Everything is measured on fresh servers on the real disk, with MySQL's default durability, in turn with what it is
//! compared with: so what else the machine does falls on both.

mod bars;
mod bed;
mod catch_up;
mod copying;
mod cut_over;
mod figures;
mod load;
mod machine;
mod other_tools;
mod outlast;
mod page;
mod plot;
mod promotion;
mod replica_lag;
mod report;
mod stage;
mod trace;
mod under_load;
mod usage;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use report::{Part, Report};
use stage::{Options, PartName, Stage};

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    // Whichever ends first, the other is dropped, and with it servers and agents.
    let outcome = tokio::select! {
        outcome = measure_all(options) => outcome,
        outcome = interrupted() => outcome,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the benchmark failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure_all(options: Options) -> Result<()> {
    let stage = Stage::prepare(options).await?;
    let mut report = Report::load(&stage.results, machine::describe(&stage))?;
    let mut unmeasured = Vec::new();
    let names = stage.options.parts();
    for name in &names {
        stage.say(&format!("{name}: {}", name.promise()));
        let mut part = Part::begin(&stage);
        let outcome = match name {
            PartName::Copy => copying::measure(&stage, &mut part).await,
            PartName::Load => under_load::measure(&stage, &mut part).await,
            PartName::CatchUp => catch_up::measure(&stage, &mut part).await,
            PartName::CutOver => cut_over::measure(&stage, &mut part).await,
            PartName::Promotion => promotion::measure(&stage, &mut part).await,
            PartName::ReplicaLag => replica_lag::measure(&stage, &mut part).await,
            PartName::Tools => other_tools::measure(&stage, &mut part).await,
        };
        if let Err(error) = outcome {
            let logs = stage.logs.display();
            let why = format!("{error:#}");
            stage.say(&format!(
                "{name} could not be measured to its end: {why} (logs: {logs})"
            ));
            unmeasured.push(name.to_string());
            part.failure = Some(why);
        }
        // After each part: what is measured is kept if a later one is interrupted.
        report.put(*name, part);
        report.save(&stage.results)?;
    }
    println!("{}", report.table(&names));
    stage.say(&format!("written: {}", stage.results.display()));
    if !unmeasured.is_empty() {
        bail!("not measured to the end: {}", unmeasured.join(", "));
    }
    Ok(())
}

async fn interrupted() -> Result<()> {
    let mut terminated = signal(SignalKind::terminate()).context("listening to signals")?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed.context("listening to signals")?,
        _ = terminated.recv() => {}
    }
    bail!("interrupted; servers and agents are gone")
}

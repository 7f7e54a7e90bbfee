//! Simulated clusters by the thousand: the real agent, engine, ledger and policies on servers in memory, through everything
//! that fate can do to them.
//!
//! Each seed is one schedule (`plan`): a migration on a cluster of two or three servers with one or two agents, an application
//! that writes all the time, and what happens to them: agents that die at any step, freeze, or are cut off; switchovers;
//! crashes with promotions that lose transactions or leave a relay log unapplied; split brains; lost replies; commits that
//! arrive late; proxies that lead statements to another server; purged binlogs; clocks that differ. While it runs, and at
//! its end, every server is checked (`run`). One seed drives everything: a failing one is run again, with a journal.
//!
//! `cargo xtask sim --seeds N` runs the seeds 0 to N-1; `--first S` begins elsewhere; `--mutants` switches off one guard
//! of the product at a time, and says after how many seeds its loss is noticed (`mutants`).

mod arguments;
mod fate;
mod mutants;
mod plan;
mod run;
mod seeds;
mod stories;
mod world;

use std::{env, process::ExitCode};

use anyhow::Result;
use outlast_tests::result::{Results, exit_code};

use arguments::{Arguments, Task};

fn main() -> ExitCode {
    run::catch_panics();
    exit_code(play())
}

/// Whether all passed.
fn play() -> Result<bool> {
    let mut arguments = Arguments::parse(env::args().skip(1))?;
    let mut results = Results::begin(std::mem::take(&mut arguments.filter));
    if arguments.task != Task::Mutants {
        seeds::run(&arguments, &mut results)?;
    }
    if arguments.task != Task::Seeds {
        mutants::run(&arguments, &mut results)?;
    }
    if arguments.task == Task::Usual {
        run::check_panics(&mut results);
    }
    Ok(results.end())
}

//! Project tasks: `cargo xtask <TASK>`.

mod alters;
mod bench;
mod cargo;
mod chaos;
mod ci;
mod demo;
mod e2e;
mod policies;
mod programs;
mod sim;
mod tally;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Project tasks of Outlast.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Show a migration outlast its primary: real servers, a kill -9 in mid-copy, a switchover, every row compared.
    ///
    /// Needs nothing but this repository: a MySQL server is found or unpacked (see outlast-testbed). Takes about a
    /// minute after the build.
    Demo,
    /// Run the scenarios on real MySQL servers, and print how long each failover took.
    ///
    /// Fails if a scenario fails, or if the median time from a promotion to the first committed rows is above 2 s.
    /// OUTLAST_E2E_THREADS says how many scenarios run at a time. Logs are in target/e2e/SCENARIO/; with
    /// OUTLAST_TESTBED_KEEP=1 the servers' directories stay too.
    E2e {
        /// Only scenarios with this in their name.
        filter: Option<String>,
    },
    /// Play the cases of tests/alters on a real server: each must end as MySQL's own ALTER ends.
    ///
    /// OUTLAST_ALTERS_THREADS says how many cases are played at a time, OUTLAST_ALTERS_CASES names another folder of cases.
    /// Logs are in target/alters/.
    Alters {
        /// Only cases with this in their name, `GROUP/NAME`.
        filter: Option<String>,
        /// Play as many random cases, too.
        #[arg(long, value_name = "N")]
        random: Option<u64>,
        /// Makes the random cases those of an earlier run, which printed it.
        #[arg(long, value_name = "S", requires = "random")]
        seed: Option<u64>,
        /// Play nothing; write docs/alters.md from the cases.
        #[arg(long, conflicts_with_all = ["filter", "random"])]
        document: bool,
    },
    /// Simulate clusters under fire: the real agent and engine on servers in memory, each seed another schedule of failures.
    ///
    /// Without options, as many as run with all other tests, and then --mutants.
    Sim {
        /// How many schedules.
        #[arg(long, value_name = "N")]
        seeds: Option<u64>,
        /// The first one's seed; 0 if it is not given.
        #[arg(long, value_name = "S")]
        first: Option<u64>,
        /// Switch off one guard of the product after the other (or those with GUARD in their names), and show after how many
        /// schedules the violation that follows is found.
        #[arg(long, value_name = "GUARD", num_args = 0..=1, default_missing_value = "", conflicts_with = "seeds")]
        mutants: Option<String>,
        /// Build with all optimisations: for very many schedules.
        #[arg(long)]
        release: bool,
    },
    /// Play rounds on real clusters under fire: random topologies, ALTERs and faults, checked row by row.
    ///
    /// One line a round; one that fails keeps its servers' files and says how to have it again. A dozen are part of `test`. Logs are in
    /// target/chaos/SEED-ROUND/, the totals in target/chaos/summary-SEED-ROUNDS.md and .json.
    Chaos(chaos::Wanted),
    /// Measure how fast Outlast is, and how gentle with the application, against what MySQL does itself, on fresh servers.
    ///
    /// Builds as users do (--release). Everything that is compared is measured in turn, in one run; a full one takes hours, and wants
    /// a machine that does nothing else. Prints a table with what must hold, and writes it to docs/bench/ as JSON, Markdown and SVG.
    /// Logs are in target/bench/logs/.
    Bench(bench::Wanted),
    /// Run every test there is: of units, contracts, policies and documentation, simulated clusters, all scenarios, all cases of
    /// ALTERs, and a dozen rounds of chaos.
    ///
    /// The last line is `N passed, N failed, N skipped`.
    Test,
    /// Build the policies into the components of policies/prebuilt/.
    Policies {
        /// Change nothing; fail if sources and components disagree.
        #[arg(long)]
        check: bool,
    },
    /// Check what compiler and clippy don't: dependencies between crates, lengths, leftovers, links.
    Tidy,
    /// Everything that must hold before a change goes in: formatting, lints, documentation, tidy, policies, test.
    Ci,
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Demo => demo::run(),
        Task::E2e { filter } => e2e::run(filter.as_deref()),
        Task::Alters { document: true, .. } => alters::document::write(),
        Task::Alters {
            filter, random, seed, ..
        } => alters::run(filter.as_deref(), random, seed),
        Task::Sim {
            seeds,
            first,
            mutants,
            release,
        } => sim::run(seeds, first, mutants.as_deref(), release),
        Task::Chaos(wanted) => chaos::run(&wanted),
        Task::Bench(wanted) => bench::run(&wanted),
        Task::Test => test::run(),
        Task::Policies { check } => policies::run(check),
        Task::Tidy => tidy::run(),
        Task::Ci => ci::run(),
    }
}

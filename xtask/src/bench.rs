//! `cargo xtask bench`: builds `outlast` as users do, and the program that measures it, and runs that.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::cargo::{build, build_of};

const PROGRAM: &str = "outlast-bench";
/// With all features of the workspace, `outlast` would have failpoints, which no user has.
const AS_SHIPPED: [&str; 7] = [
    "--release",
    "-p",
    "outlast-cli",
    "-p",
    "xtask",
    "--features",
    "xtask/bench",
];

/// What is to be measured.
#[derive(Args)]
pub(crate) struct Wanted {
    /// Measure a build without optimisations: builds fast, and proves nothing.
    #[arg(long)]
    dev: bool,
    /// How often each thing is measured; 5 if it is not given.
    #[arg(long, value_name = "N")]
    runs: Option<u32>,
    /// Sizes of the table that is copied; 100000,1000000,5000000 if they are not given. The other parts take 1000000, or the last
    /// of these if that is none of them.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    rows: Vec<u64>,
    /// Only one part, and keep the others' former figures; repeat it for several: copy, load, catch-up, cut-over, promotion,
    /// replica-lag, tools.
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
    /// Folder for the results. By default docs/bench/, or target/bench/look/ with --dev or fewer than 5 runs.
    #[arg(long, value_name = "FOLDER")]
    out: Option<String>,
}

/// Builds `outlast` and the benchmark, and measures.
///
/// # Errors
///
/// When they can't be built, or a part can't be measured to its end; the benchmark has said then why.
pub(crate) fn run(wanted: &Wanted) -> Result<()> {
    let targets = ["--bin", "outlast", "--bin", PROGRAM];
    let executables = match wanted.dev {
        true => build(&targets)?,
        false => build_of(&AS_SHIPPED, &targets)?,
    };
    let bench = executables
        .iter()
        .find(|executable| executable.target == PROGRAM && !executable.is_test);
    let bench = bench.context("cargo did not build the benchmark")?;
    let status = Command::new(&bench.path)
        .args(wanted.arguments())
        .status()
        .with_context(|| format!("starting {}", bench.path.display()))?;
    ensure!(status.success(), "the benchmark ended with {status}");
    Ok(())
}

impl Wanted {
    fn arguments(&self) -> Vec<String> {
        let runs = self.runs.map(|runs| format!("--runs={runs}"));
        let rows: Vec<String> = self.rows.iter().map(u64::to_string).collect();
        let rows = (!rows.is_empty()).then(|| format!("--rows={}", rows.join(",")));
        let only = self.only.iter().map(|part| format!("--only={part}"));
        let out = self.out.iter().map(|out| format!("--out={out}"));
        runs.into_iter().chain(rows).chain(only).chain(out).collect()
    }
}

//! What all parts share: options, folders, the server program, and a voice.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use outlast_testbed::Distribution;

/// Medians of fewer runs say little.
const ENOUGH_RUNS: usize = 5;
/// The size for which the bars hold.
pub(crate) const USUAL_ROWS: u64 = 1_000_000;

/// Measures Outlast against what MySQL does itself.
#[derive(Debug, Parser)]
#[command(name = "outlast-bench")]
pub(crate) struct Options {
    /// How often each thing is measured.
    #[arg(long, value_name = "N", default_value_t = ENOUGH_RUNS, value_parser = runs)]
    runs: usize,
    /// Sizes of the table that is copied. The other parts take 1,000,000 rows, or the last of these if that is none of them.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "100000,1000000,5000000",
          value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    rows: Vec<u64>,
    /// Only this part; repeat it for several.
    #[arg(long, value_name = "PART", value_enum)]
    only: Vec<PartName>,
    /// Folder for the results. By default docs/bench/, or target/bench/look/ for what is no proof.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

fn runs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(runs @ 1..=100) => Ok(runs),
        _ => Err("write a number from 1 to 100".to_owned()),
    }
}

impl Options {
    /// The parts to measure, in the order of their declaration.
    pub(crate) fn parts(&self) -> Vec<PartName> {
        let all = PartName::value_variants().iter().copied();
        all.filter(|part| self.only.is_empty() || self.only.contains(part))
            .collect()
    }
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum PartName {
    Copy,
    Load,
    CatchUp,
    CutOver,
    Promotion,
    ReplicaLag,
    Tools,
}

impl PartName {
    /// What it is about.
    pub(crate) fn promise(self) -> &'static str {
        match self {
            Self::Copy => "the copy of an idle table, against MySQL's own ALTER and a plain INSERT … SELECT",
            Self::Load => "what an application keeps of its throughput and latency while a table is migrated",
            Self::CatchUp => "how fast changed rows are caught up with",
            Self::CutOver => "how long the application waits at the swap, against a bare LOCK TABLES and RENAME",
            Self::Promotion => "from a promotion to the first committed rows, against a plain client",
            Self::ReplicaLag => "how far a replica falls behind, against MySQL's own ALTER and a single lane",
            Self::Tools => "other tools on the same table",
        }
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// What all parts share.
pub(crate) struct Stage {
    pub(crate) options: Options,
    pub(crate) distribution: Distribution,
    /// The `outlast` that was built along with this program.
    pub(crate) program: PathBuf,
    /// For servers: on the real disk.
    pub(crate) folder: PathBuf,
    pub(crate) logs: PathBuf,
    pub(crate) results: PathBuf,
    begun: Instant,
}

impl Stage {
    /// Makes the folders, and finds a server to run or unpacks one.
    pub(crate) async fn prepare(options: Options) -> Result<Self> {
        let begun = Instant::now();
        let this = env::current_exe().context("looking for this program")?;
        let program = this.with_file_name("outlast");
        anyhow::ensure!(
            program.exists(),
            "{} is missing: start this by `cargo xtask bench`",
            program.display()
        );
        let target = this.parent().and_then(Path::parent);
        let folder = target.context("this program is in no target folder")?.join("bench");
        let logs = folder.join("logs");
        fs::create_dir_all(&logs).with_context(|| format!("creating {}", logs.display()))?;
        let is_proof = !cfg!(debug_assertions) && options.runs >= ENOUGH_RUNS;
        let results = match (&options.out, is_proof) {
            (Some(out), _) => out.clone(),
            (None, true) => repository().join("docs").join("bench"),
            (None, false) => {
                say(
                    begun,
                    "for a look only: that takes a release build and 5 runs to be a proof",
                );
                folder.join("look")
            }
        };
        fs::create_dir_all(&results).with_context(|| format!("creating {}", results.display()))?;
        let find = move || Distribution::find_or_unpack(&|line| say(begun, line));
        let distribution = tokio::task::spawn_blocking(find)
            .await
            .context("looking for a MySQL server")??;
        Ok(Self {
            options,
            distribution,
            program,
            folder,
            logs,
            results,
            begun,
        })
    }

    /// How it is going: to stderr, for the results go to stdout.
    pub(crate) fn say(&self, text: &str) {
        say(self.begun, text);
    }

    pub(crate) fn runs(&self) -> usize {
        self.options.runs
    }

    /// The sizes for the copy, small ones first.
    pub(crate) fn sizes(&self) -> Vec<u64> {
        let mut sizes = self.options.rows.clone();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// The size for all but the copy.
    pub(crate) fn rows(&self) -> u64 {
        let given = &self.options.rows;
        if given.contains(&USUAL_ROWS) {
            return USUAL_ROWS;
        }
        given.last().copied().unwrap_or(USUAL_ROWS)
    }
}

/// The folder of this repository.
pub(crate) fn repository() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

fn say(begun: Instant, text: &str) {
    eprintln!("{:>8.1} s  {text}", begun.elapsed().as_secs_f64());
}

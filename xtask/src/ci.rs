//! `cargo xtask ci`: everything that must hold before a change goes in.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    cargo::{WHOLE_WORKSPACE, cargo, root, succeed},
    policies,
    tally::Tally,
    test, tidy,
};

/// Runs all checks even if some fail, then says which did. The last line is the total of the tests.
///
/// # Errors
///
/// When a check fails.
pub(crate) fn run() -> Result<()> {
    // Until they have run.
    let mut tally = Tally::one_failure("the tests did not run".to_owned());
    let mut steps = Steps::default();
    steps.run("formatting", || succeed(&mut cargo(["fmt", "--all", "--check"])));
    steps.run("tidy", tidy::run);
    steps.run("licences and sources", deny);
    steps.run("lints", lint);
    steps.run("documentation", document);
    steps.run("policies", || policies::run(true));
    steps.run("tests", || {
        let (counted, times) = test::all()?;
        tally = counted;
        match tally.failed {
            0 => times,
            failed => bail!("{failed} tests failed"),
        }
    });
    // Once more where they are easily found.
    for line in &tally.reports {
        println!("{line}");
    }
    let failed = steps.summarize();
    println!("{tally}");
    match failed {
        0 => Ok(()),
        failed => bail!("{failed} checks failed"),
    }
}

fn lint() -> Result<()> {
    let arguments = ["clippy", "--all-targets"].into_iter().chain(WHOLE_WORKSPACE);
    succeed(&mut cargo(arguments.chain(["--", "--deny", "warnings"])))
}

fn document() -> Result<()> {
    let arguments = ["doc", "--no-deps"].into_iter().chain(WHOLE_WORKSPACE);
    succeed(cargo(arguments).env("RUSTDOCFLAGS", "--deny warnings"))
}

/// `deny.toml`, where cargo-deny is installed.
fn deny() -> Result<()> {
    let version = Command::new("cargo-deny")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !version.is_ok_and(|status| status.success()) {
        println!("NOT CHECKED: cargo-deny is not installed. `cargo install --locked cargo-deny` mends that.");
        return Ok(());
    }
    let mut command = Command::new("cargo-deny");
    command
        .args(["--all-features", "check", "bans", "licenses", "sources"])
        .current_dir(root());
    succeed(&mut command).context("checking dependencies against deny.toml")
}

/// What was run so far.
#[derive(Default)]
struct Steps(Vec<(&'static str, Duration, Option<String>)>);

impl Steps {
    fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<()>) {
        println!("\n== {name}");
        let begun = Instant::now();
        let error = step().err().map(|error| format!("{error:#}"));
        if let Some(error) = &error {
            println!("{error}");
        }
        self.0.push((name, begun.elapsed(), error));
    }

    /// Prints how each step ended; returns how many failed.
    fn summarize(&self) -> usize {
        println!("\n== summary");
        for (name, duration, error) in &self.0 {
            let outcome = if error.is_some() { "FAILED" } else { "ok" };
            println!("{name:<22} {:>7.1} s  {outcome}", duration.as_secs_f64());
        }
        self.0.iter().filter(|(_, _, error)| error.is_some()).count()
    }
}

//! How a test program without Rust's own harness ends: in the words of `cargo test`, so that its results are counted like all others.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::arguments::Filter;

/// The results so far.
#[derive(Debug)]
pub struct Results {
    filter: Filter,
    begun: Instant,
    passed: u64,
    failed: Vec<String>,
    left_out: u64,
    listed: u64,
}

impl Results {
    /// None yet, of the tests that are wanted.
    pub fn begin(filter: Filter) -> Self {
        Self {
            filter,
            begun: Instant::now(),
            passed: 0,
            failed: Vec::new(),
            left_out: 0,
            listed: 0,
        }
    }

    /// Whether the test of this name is to be run.
    pub fn wants(&mut self, name: &str) -> bool {
        let wanted = self.filter.wants(name);
        if wanted && self.filter.lists {
            println!("{name}: test");
            self.listed += 1;
            return false;
        }
        self.left_out += u64::from(!wanted);
        wanted
    }

    /// Counts a test.
    pub fn add(&mut self, name: &str, passed: bool) {
        match passed {
            true => self.passed += 1,
            false => self.failed.push(name.to_owned()),
        }
    }

    /// The names of those that failed.
    pub fn failed(&self) -> &[String] {
        &self.failed
    }

    /// Time since the beginning.
    pub fn took(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Prints what failed, and the result. Whether nothing failed.
    pub fn end(&self) -> bool {
        if self.filter.lists {
            println!("\n{} tests, 0 benchmarks", self.listed);
            return true;
        }
        let passes = self.failed.is_empty();
        if !passes {
            println!("\nfailures:");
            for failure in &self.failed {
                println!("    {failure}");
            }
        }
        println!(
            "\ntest result: {}. {} passed; {} failed; 0 ignored; 0 measured; {} filtered out; finished in {:.2}s",
            if passes { "ok" } else { "FAILED" },
            self.passed,
            self.failed.len(),
            self.left_out,
            self.took().as_secs_f64()
        );
        passes
    }
}

/// What `main` returns: a failure if not all passed, or if they could not be run.
pub fn exit_code(passed: Result<bool>) -> ExitCode {
    match passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

//! What is printed: a line a case, and at the end the result, in the form of Rust's own tests.

use std::time::Duration;

use anyhow::Result;
use outlast_tests::result::print_result;
use tokio::time::Instant;

/// The results so far.
pub(crate) struct Report {
    begun: Instant,
    passed: u64,
    failed: Vec<String>,
    left_out: u64,
}

impl Report {
    pub(crate) fn begin() -> Self {
        Self {
            begun: Instant::now(),
            passed: 0,
            failed: Vec::new(),
            left_out: 0,
        }
    }

    /// Counts a case that the filter leaves out.
    pub(crate) fn leave_out(&mut self) {
        self.left_out += 1;
    }

    /// Whether something was played, or could not be.
    pub(crate) fn has_results(&self) -> bool {
        self.passed > 0 || !self.failed.is_empty()
    }

    /// Prints how a case ended.
    pub(crate) fn add(&mut self, name: &str, duration: Duration, outcome: Result<()>) {
        let seconds = duration.as_secs_f64();
        match outcome {
            Ok(()) => {
                println!("{name} … ok ({seconds:.1} s)");
                self.passed += 1;
            }
            Err(error) => {
                println!("{name} … FAILED ({seconds:.1} s)");
                for line in format!("{error:#}").lines() {
                    println!("    {line}");
                }
                self.failed.push(name.to_owned());
            }
        }
    }

    /// Prints the result; whether all passed.
    pub(crate) fn end(self) -> bool {
        print_result(self.passed, &self.failed, self.left_out, self.begun.elapsed())
    }
}

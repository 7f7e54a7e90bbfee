//! What is printed: a line a case, and at the end the result, in the form of Rust's own tests.

use std::time::Duration;

use anyhow::Result;
use outlast_tests::result::Results;

/// Prints how a case ended, and counts it.
pub(crate) fn report(results: &mut Results, name: &str, duration: Duration, outcome: Result<()>) {
    let seconds = duration.as_secs_f64();
    match &outcome {
        Ok(()) => println!("{name} … ok ({seconds:.1} s)"),
        Err(error) => {
            println!("{name} … FAILED ({seconds:.1} s)");
            for line in format!("{error:#}").lines() {
                println!("    {line}");
            }
        }
    }
    match outcome {
        Ok(()) => results.add(name, true),
        Err(error) => results.add(&format!("{name}: {error:#}"), false),
    }
}

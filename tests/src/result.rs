//! How a test program without Rust's own harness ends: in the words of `cargo test`, so that its results are counted like all others.

use std::time::Duration;

/// Prints what failed, and the result. Whether nothing failed.
pub fn print_result(passed: u64, failures: &[String], left_out: u64, took: Duration) -> bool {
    let passes = failures.is_empty();
    if !passes {
        println!("\nfailures:");
        for failure in failures {
            println!("    {failure}");
        }
    }
    println!(
        "\ntest result: {}. {passed} passed; {} failed; 0 ignored; 0 measured; {left_out} filtered out; finished in {:.2}s",
        if passes { "ok" } else { "FAILED" },
        failures.len(),
        took.as_secs_f64()
    );
    passes
}

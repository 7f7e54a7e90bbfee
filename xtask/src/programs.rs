//! Running test programs: their output is passed on as it comes, and counted.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

use crate::{
    cargo::{Executable, shown},
    tally::Tally,
};

/// Runs a test program as `cargo test` does: in its package's folder.
pub(crate) fn run(program: &Executable, arguments: &[&str]) -> Result<Tally> {
    let mut command = Command::new(&program.path);
    command
        .args(arguments)
        .current_dir(&program.package)
        .env("CARGO_MANIFEST_DIR", &program.package)
        .stdin(Stdio::null());
    counted(&mut command)
}

/// Runs a command that prints results of tests, and adds them up.
pub(crate) fn counted(command: &mut Command) -> Result<Tally> {
    let name = shown(command);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {name}"))?;
    let output = child.stdout.take().with_context(|| format!("{name} has no output"))?;
    let mut tally = Tally::default();
    let mut are_failures = false;
    for line in BufReader::new(output).split(b'\n') {
        let line = line.with_context(|| format!("reading the output of {name}"))?;
        let line = String::from_utf8_lossy(&line);
        if !line.is_empty() {
            println!("{line}");
        }
        are_failures |= line == "failures:";
        if let Some(result) = Tally::parse(&line) {
            are_failures = false;
            tally += result;
        }
        if are_failures {
            tally.reports.push(line.into_owned());
        }
    }
    let status = child.wait().with_context(|| format!("waiting for {name}"))?;
    if !status.success() && tally.failed == 0 {
        let what = format!("{name} ended without a result: {status}");
        println!("{what}");
        tally += Tally::one_failure(what);
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn results_are_added_up() -> Result<()> {
        let line = "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out";
        let tally = counted(&mut shell(&format!("echo '{line}'; echo other; echo '{line}'")))?;
        assert_eq!(tally.to_string(), "4 passed, 0 failed, 2 skipped");
        Ok(())
    }

    #[test]
    fn a_program_that_dies_without_a_result_has_failed() -> Result<()> {
        assert_eq!(counted(&mut shell("kill -9 $$"))?.failed, 1);
        Ok(())
    }

    #[test]
    fn what_is_said_of_failures_is_kept() -> Result<()> {
        let said = "echo before; echo failures:; echo why; echo 'test result: FAILED. 0 passed; 1 failed; 0 ignored'; echo after";
        assert_eq!(counted(&mut shell(said))?.reports, ["failures:", "why"]);
        Ok(())
    }
}

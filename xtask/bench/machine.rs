//! Where and of what it was measured.

use std::{fs, process::Command, thread};

use serde::{Deserialize, Serialize};

use crate::stage::{Stage, repository};

const UNKNOWN: &str = "unknown";

/// The machine and the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: f64,
    pub(crate) system: String,
    pub(crate) mysql: String,
}

/// What this machine is.
pub(crate) fn describe(stage: &Stage) -> Machine {
    let memory_kib: f64 = field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .unwrap_or(0.0);
    Machine {
        processor: field("/proc/cpuinfo", "model name").unwrap_or_else(|| UNKNOWN.to_owned()),
        cores: thread::available_parallelism().map_or(0, usize::from),
        memory_gib: (memory_kib / 1024.0 / 1024.0).round(),
        system: output("uname", &["-sr"]),
        mysql: stage.distribution.version().to_string(),
    }
}

/// The commit of this repository, and whether it was changed since.
pub(crate) fn commit() -> String {
    output(
        "git",
        &["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
    )
}

/// The time, UTC.
pub(crate) fn now() -> String {
    output("date", &["-u", "+%Y-%m-%d %H:%M UTC"])
}

/// What a command prints, in the folder of this repository. Results are worth having without it, too.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(repository()).output();
    match output {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        _ => UNKNOWN.to_owned(),
    }
}

/// The value of the first line `name: value`.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.find(|(key, _)| key.trim() == name)?;
    Some(value.trim().to_owned())
}

//! What processes use, as Linux tells it in /proc.

use std::{fs, time::Duration};

use anyhow::{Context, Result};
use tokio::task::JoinHandle;

/// Linux tells times to programs in hundredths of a second, on every machine this runs on.
const TICKS_PER_SECOND: f64 = 100.0;
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Of one process, since it began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    /// The most memory it had at a time.
    pub(crate) peak_mebibytes: f64,
}

/// Looks at a process.
pub(crate) fn of_process(process: u32) -> Result<Usage> {
    let read = |name: &str| fs::read_to_string(format!("/proc/{process}/{name}"));
    let stat = read("stat").context("reading its times")?;
    let status = read("status").context("reading its memory")?;
    parse(&stat, &status).context("/proc is not as Linux writes it")
}

fn parse(stat: &str, status: &str) -> Option<Usage> {
    // After the name, which may hold anything, come: state, parent, and so on.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = peak.split_whitespace().next()?.parse().ok()?;
    Some(Usage {
        cpu_seconds: (ticks(11)? + ticks(12)?) / TICKS_PER_SECOND,
        peak_mebibytes: kibibytes / 1024.0,
    })
}

/// Looks at a process until it has ended; returns the last that was seen.
pub(crate) fn watch(process: u32) -> JoinHandle<Usage> {
    tokio::spawn(async move {
        let mut last = Usage::default();
        // It ends when the process has: then there is nothing to read.
        while let Ok(usage) = of_process(process) {
            last = usage;
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        last
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_whatever_the_programs_name_is() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 8 0 1 1 1";
        let usage = parse(stat, "Name:\ta\nVmHWM:\t   20480 kB\nVmRSS:\t 1 kB\n");
        let usage = usage.unwrap_or_default();
        assert!((usage.cpu_seconds - 3.0).abs() < 1e-9, "{usage:?}");
        assert!((usage.peak_mebibytes - 20.0).abs() < 1e-9, "{usage:?}");
    }
}

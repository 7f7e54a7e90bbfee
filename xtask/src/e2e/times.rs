//! How long failovers took: from the moment the new primary took writes to adoption, and to the first committed rows.

use std::{fmt::Write, fs, io, path::Path};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// What is promised: the median time from a promotion to the first committed rows.
const MOST_MS: i64 = 2000;

/// One failover of one scenario.
#[derive(Debug, Deserialize)]
pub(super) struct Times {
    scenario: String,
    failover: String,
    adoption_ms: i64,
    /// None where nothing was left to do for the new owner.
    progress_ms: Option<i64>,
}

/// Reads what the scenarios wrote; nothing if they wrote nothing.
pub(super) fn read(file: &Path) -> Result<Vec<Times>> {
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text.with_context(|| format!("reading {}", file.display()))?,
    };
    let mut times: Vec<Times> = Vec::new();
    for line in text.lines() {
        times.push(serde_json::from_str(line).with_context(|| format!("{}: {line}", file.display()))?);
    }
    times.sort_by(|a, b| a.scenario.cmp(&b.scenario));
    Ok(times)
}

/// A table for people, with the medians.
pub(super) fn table(times: &[Times]) -> String {
    let mut rows = vec![["scenario", "failover", "adoption", "first progress"].map(str::to_owned)];
    for one in times {
        rows.push([
            one.scenario.clone(),
            one.failover.clone(),
            ms(Some(one.adoption_ms)),
            ms(one.progress_ms),
        ]);
    }
    let adoption = median(times.iter().map(|one| one.adoption_ms));
    rows.push([
        "median".to_owned(),
        String::new(),
        ms(adoption),
        ms(median_progress(times)),
    ]);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(width);
    let mut shown = String::new();
    for [scenario, failover, adoption, progress] in &rows {
        // Writing to a String does not fail.
        let _ = writeln!(
            shown,
            "{scenario:<0$}  {failover:<1$}  {adoption:>2$}  {progress:>3$}",
            widths[0], widths[1], widths[2], widths[3]
        );
    }
    shown
}

/// Whether the promise is kept; says so.
pub(super) fn judge(times: &[Times]) -> Result<()> {
    let Some(median) = median_progress(times) else {
        bail!("no scenario recorded how long a failover took");
    };
    ensure!(
        median <= MOST_MS,
        "the median time from a promotion to the first committed rows is {median} ms; promised are at most {MOST_MS} ms"
    );
    println!("promotion to first committed rows: median {median} ms, promised are at most {MOST_MS} ms: kept");
    Ok(())
}

fn median_progress(times: &[Times]) -> Option<i64> {
    median(times.iter().filter_map(|one| one.progress_ms))
}

/// The middle value; the higher of two.
fn median(values: impl Iterator<Item = i64>) -> Option<i64> {
    let mut values: Vec<i64> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

fn ms(value: Option<i64>) -> String {
    value.map_or("–".to_owned(), |value| format!("{value} ms"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(progress: &[Option<i64>]) -> Vec<Times> {
        let one = |progress_ms: &Option<i64>| Times {
            scenario: "s".to_owned(),
            failover: "f".to_owned(),
            adoption_ms: 1,
            progress_ms: *progress_ms,
        };
        progress.iter().map(one).collect()
    }

    #[test]
    fn the_promise_is_about_the_median() {
        assert!(judge(&times(&[Some(10), Some(2000), Some(9000)])).is_ok());
        assert!(judge(&times(&[Some(10), Some(2001), Some(9000)])).is_err());
    }

    #[test]
    fn failovers_without_progress_do_not_count() {
        assert_eq!(median_progress(&times(&[None, Some(5), None])), Some(5));
        assert!(judge(&times(&[None])).is_err());
    }

    #[test]
    fn of_two_the_slower_counts() {
        assert_eq!(median([1, 4].into_iter()), Some(4));
        assert_eq!(median([].into_iter()), None);
    }
}

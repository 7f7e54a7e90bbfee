//! Numbers, times and tables as people read them.

use std::{fmt::Write, time::Duration};

use outlast_core::{Migration, Status, scheduler::Path};

/// Share of the rows that are copied, 0 to 1.
pub(crate) fn progress_of(migration: &Migration) -> f64 {
    if migration.status == Status::Complete {
        return 1.0;
    }
    share(migration.rows_copied, migration.table_rows)
}

/// How the new definition gets into place.
pub(crate) fn in_words(path: Path) -> &'static str {
    match path {
        Path::Instant => "instantly (ALGORITHM=INSTANT)",
        Path::InPlace => "in place, by metadata only (ALGORITHM=INPLACE)",
        Path::Copy => "by a copy of its rows",
    }
}

/// Share of `total`, 0 to 1. The total is an estimate and may be too small.
pub(crate) fn share(part: u64, total: u64) -> f64 {
    if part == 0 {
        0.0
    } else {
        part as f64 / total.max(part) as f64
    }
}

/// `1 234 567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            shown.push(' ');
        }
        shown.push(digit);
    }
    shown
}

/// `3.2 s`, `4 min 5 s`, `2 h 10 min`.
pub(crate) fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// Columns, aligned to the left; the last one runs free.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut shown = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a String does not fail.
            let _ = write!(line, "{cell:<width$}  ");
        }
        shown.push_str(line.trim_end());
        shown.push('\n');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1 234 567");
    }

    #[test]
    fn an_estimate_that_is_too_small_gives_no_more_than_everything() {
        assert!((share(10, 5) - 1.0).abs() < f64::EPSILON);
        assert!(share(0, 0).abs() < f64::EPSILON);
    }
}

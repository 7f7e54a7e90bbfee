//! Counting tests.

use std::{fmt, ops::AddAssign};

/// How many tests passed, failed and were skipped.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    /// What the test programs said of the failures.
    pub(crate) reports: Vec<String>,
}

impl Tally {
    /// One failure: of what could not say how many.
    pub(crate) fn one_failure(why: String) -> Self {
        Self {
            failed: 1,
            reports: vec![why],
            ..Self::default()
        }
    }

    /// What a line of a test program's output says, if it is the line with the result.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
        let count = |what: &str| {
            let number = counts.split("; ").find_map(|part| part.strip_suffix(what))?;
            number.trim().parse().ok()
        };
        Some(Self {
            passed: count(" passed")?,
            failed: count(" failed")?,
            skipped: count(" ignored")?,
            reports: Vec::new(),
        })
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.reports.extend(other.reports);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_line_is_counted() {
        let line = "test result: FAILED. 12 passed; 2 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.03s";
        let tally = Tally {
            passed: 12,
            failed: 2,
            skipped: 1,
            reports: Vec::new(),
        };
        assert_eq!(Tally::parse(line).as_ref(), Some(&tally));
        assert_eq!(tally.to_string(), "12 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn other_lines_are_not() {
        assert_eq!(Tally::parse("test result_is_stored ... ok"), None);
        assert_eq!(Tally::parse("running 3 tests"), None);
    }
}

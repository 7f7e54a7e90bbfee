//! The arguments of a test program without Rust's own harness: its own options, and those that `cargo test` passes on to all test
//! programs, whichever they are.

use anyhow::{Context, Result, bail};

/// Options of Rust's own harness that don't say which tests are wanted.
const WITHOUT_MEANING: [&str; 7] = [
    "--nocapture",
    "--no-capture",
    "--show-output",
    "--quiet",
    "-q",
    "--include-ignored",
    "--test",
];
/// Those of them that have a value.
const WITH_VALUE: [&str; 5] = ["--test-threads", "--color", "--format", "--logfile", "-Z"];

/// Which tests are wanted, by their names.
#[derive(Debug, Default)]
pub struct Filter {
    parts: Vec<String>,
    skipped: Vec<String>,
    exact: bool,
    /// Only ignored ones are wanted; these programs have none.
    only_ignored: bool,
    /// Nothing is to be run, only named.
    pub(crate) lists: bool,
}

impl Filter {
    /// Reads arguments. `own` is handed what may be an option of the program's own, `--name` or `--name=value`, and says whether
    /// it is.
    ///
    /// # Errors
    /// Where an argument has no meaning; `usage` is told then.
    pub fn parse(
        mut arguments: impl Iterator<Item = String>,
        usage: &str,
        mut own: impl FnMut(&str, Option<&str>) -> Result<bool>,
    ) -> Result<Self> {
        let mut filter = Self::default();
        while let Some(argument) = arguments.next() {
            if !argument.starts_with('-') {
                filter.parts.push(argument);
                continue;
            }
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            let mut required = || value.clone().or_else(|| arguments.next());
            match name {
                "--exact" => filter.exact = true,
                "--ignored" => filter.only_ignored = true,
                "--list" => filter.lists = true,
                "--skip" => filter.skipped.extend(required()),
                _ if WITHOUT_MEANING.contains(&name) => {}
                _ if WITH_VALUE.contains(&name) => drop(required()),
                _ if own(name, value.as_deref())? => {}
                _ => bail!("there is no option {argument}; usage: {usage}"),
            }
        }
        Ok(filter)
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        let named = |part: &String| match self.exact {
            true => name == part,
            false => name.contains(part.as_str()),
        };
        (self.parts.is_empty() || self.parts.iter().any(named)) && !self.skipped.iter().any(named) && !self.only_ignored
    }
}

/// The value of an option that is a number.
///
/// # Errors
/// If it is none.
pub fn whole_number(text: &str) -> Result<u64> {
    text.parse().with_context(|| format!("{text:?} is no whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Filter> {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned());
        Filter::parse(arguments, "", |name, value| Ok((name, value) == ("--seed", Some("7"))))
    }

    #[test]
    fn names_are_chosen_as_rusts_own_harness_does() -> Result<()> {
        assert!(parse(&[])?.wants("rows/a"));
        let filter = parse(&["rows", "keys", "--skip", "b", "--skip=c"])?;
        let wanted = ["rows/a", "keys/a", "rows/b", "keys/c", "types/a"].map(|name| filter.wants(name));
        assert_eq!(wanted, [true, true, false, false, false]);
        assert!(!parse(&["rows", "--exact"])?.wants("rows/a"));
        assert!(!parse(&["--ignored"])?.wants("rows/a"));
        Ok(())
    }

    #[test]
    fn options_of_the_harness_are_no_names() -> Result<()> {
        let filter = parse(&[
            "-q",
            "--test-threads",
            "1",
            "--format=terse",
            "-Z",
            "unstable-options",
            "--seed=7",
        ])?;
        assert!(filter.parts.is_empty());
        Ok(())
    }

    #[test]
    fn what_has_no_meaning_is_refused() {
        assert!(parse(&["--seeed=7"]).is_err());
    }
}

//! Reading case files.

use anyhow::{Context, Result, bail, ensure};

use super::{Case, Expect, Stage, statements};

/// The lines of one section, with their numbers.
struct Section<'a> {
    begins: usize,
    kind: Kind,
    lines: Vec<(usize, &'a str)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Create,
    Alter,
    Round,
    Once(Stage),
}

impl Case {
    /// Reads the text of a case file; group and name stay empty.
    ///
    /// # Errors
    ///
    /// With the line, when it breaks the format.
    pub fn parse(text: &str) -> Result<Self> {
        let mut case = Self::default();
        let mut sections: Vec<Section<'_>> = Vec::new();
        let mut description: Vec<&str> = Vec::new();
        let mut given: Vec<&str> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let Some(rest) = line.strip_prefix("-- @") else {
                match sections.last_mut() {
                    Some(section) => section.lines.push((number, line)),
                    None if line.trim().is_empty() => {}
                    None => match line.strip_prefix("--") {
                        Some(comment) if given.is_empty() => description.push(comment.trim()),
                        Some(_) => {}
                        None => bail!("line {number}: this stands in no section; begin with -- @create"),
                    },
                }
                continue;
            };
            let (word, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            let rest = rest.trim();
            given.push(word);
            let outcome = match section_kind(word, rest) {
                Some(kind) => kind.and_then(|kind| {
                    ensure!(sections.iter().all(|s| s.kind != kind), "this section is there already");
                    sections.push(Section {
                        begins: number,
                        kind,
                        lines: Vec::new(),
                    });
                    Ok(())
                }),
                None => {
                    let first = given.iter().filter(|earlier| **earlier == word).count() == 1;
                    match first || ["session", "global", "restart"].contains(&word) {
                        true => case.set(word, rest),
                        false => Err(anyhow::anyhow!("it is there already")),
                    }
                }
            };
            outcome.with_context(|| format!("line {number}: @{word}"))?;
        }
        case.description = description.join(" ").trim().to_owned();
        for section in sections {
            let begins = section.begins;
            case.fill(section)
                .with_context(|| format!("the section of line {begins}"))?;
        }
        ensure!(!case.description.is_empty(), "line 1: say in a comment what is altered");
        ensure!(!case.create.is_empty(), "there is no @create, or it is empty");
        ensure!(!case.alter.is_empty(), "there is no @alter, or it is empty");
        Ok(case)
    }

    fn fill(&mut self, section: Section<'_>) -> Result<()> {
        let statements = statements::split(section.lines.into_iter())?;
        ensure!(!statements.is_empty(), "it has no statement");
        match section.kind {
            Kind::Create => self.create = statements,
            Kind::Round => self.round = statements,
            Kind::Once(stage) => self.once[stage as usize] = statements,
            Kind::Alter => {
                // Where more than one is given, that is why it is refused.
                let is_refused = matches!(self.expect, Expect::Refused(_));
                ensure!(statements.len() == 1 || is_refused, "@alter is one statement");
                let statements: Vec<String> = statements.into_iter().map(|statement| statement.sql).collect();
                self.alter = statements.join(";\n");
            }
        }
        Ok(())
    }

    /// What a word says that begins no section.
    fn set(&mut self, word: &str, rest: &str) -> Result<()> {
        let text = || {
            ensure!(!rest.is_empty(), "something must follow");
            Ok(rest.to_owned())
        };
        let flag = || {
            ensure!(rest.is_empty(), "nothing may follow, but {rest:?} does");
            Ok(true)
        };
        match word {
            "errors" => {
                let numbers = text()?;
                let numbers = numbers
                    .split_whitespace()
                    .map(|n| n.parse().with_context(|| format!("{n:?} is no number")));
                self.errors = numbers.collect::<Result<_>>()?;
            }
            "session" => self.session.push(text()?.trim_end_matches(';').to_owned()),
            "global" => {
                let (name, value) = rest.split_once('=').context("write NAME = VALUE")?;
                self.globals
                    .push((name.trim().to_owned(), value.trim().trim_end_matches(';').to_owned()));
            }
            "table" => self.table = Some(text()?),
            "options" => self.options = Some(rest.split_whitespace().map(str::to_owned).collect()),
            "time" => self.time = flag()?,
            "path" => match rest {
                "instant" => self.instant = true,
                other => bail!("there is no path {other:?}"),
            },
            "expect" => self.expect = expect(rest)?,
            "restart" => match rest {
                "copying" => self.restarts.push(Stage::Copying),
                "following" => self.restarts.push(Stage::Following),
                "ready" => self.restarts.push(Stage::Ready),
                other => bail!("the program can't be restarted {other:?}"),
            },
            "peers" => self.peers = Some(text()?),
            _ => bail!("there is no such word"),
        }
        Ok(())
    }
}

fn section_kind(word: &str, rest: &str) -> Option<Result<Kind>> {
    let kind = match (word, rest) {
        ("create", "") => Kind::Create,
        ("alter", "") => Kind::Alter,
        ("dml", "") => Kind::Round,
        ("dml", stage) => match Stage::ALL.into_iter().find(|known| known.word() == stage) {
            Some(stage) => Kind::Once(stage),
            None => return Some(Err(anyhow::anyhow!("there is no stage {stage:?}"))),
        },
        ("create" | "alter", more) => return Some(Err(anyhow::anyhow!("nothing may follow, but {more:?} does"))),
        _ => return None,
    };
    Some(Ok(kind))
}

fn expect(rest: &str) -> Result<Expect> {
    let (word, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let text = text.trim().to_owned();
    if word == "same" {
        ensure!(text.is_empty(), "nothing may follow `same`, but {text:?} does");
        return Ok(Expect::Same);
    }
    ensure!(!text.is_empty(), "say which text its message must contain");
    match word {
        "refused" => Ok(Expect::Refused(text)),
        "fails" => Ok(Expect::Fails(text)),
        "stops" => Ok(Expect::Stops(text)),
        _ => bail!("a case ends `same`, `refused`, `fails` or `stops`, not {word:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "\
-- Adds a column
-- to a table.
-- @errors 1062 1213
-- @session SET SESSION binlog_row_image = 'MINIMAL'
-- @global binlog_row_value_options = 'PARTIAL_JSON'
-- @time
-- @options --chunk-rows 3
-- @restart copying
-- @peers gh-ost: refuses
-- @expect fails Data too long
-- @create
CREATE TABLE u (id INT PRIMARY KEY);
-- @table u
-- @alter
ALTER TABLE u ADD x INT;
-- @dml
INSERT INTO u VALUES (@round);
-- @dml ready
DELETE FROM u;
";

    #[test]
    fn everything_is_read() {
        let case = Case::parse(WHOLE).unwrap();
        assert_eq!(case.description, "Adds a column to a table.");
        assert_eq!(case.errors, [1062, 1213]);
        assert_eq!(case.session, ["SET SESSION binlog_row_image = 'MINIMAL'"]);
        assert_eq!(
            case.globals,
            [("binlog_row_value_options".to_owned(), "'PARTIAL_JSON'".to_owned())]
        );
        assert_eq!(
            case.options.as_deref(),
            Some(["--chunk-rows".to_owned(), "3".to_owned()].as_slice())
        );
        assert_eq!(case.expect, Expect::Fails("Data too long".to_owned()));
        assert_eq!(case.restarts, [Stage::Copying]);
        assert_eq!((case.table(), case.time, case.instant), ("u", true, false));
        assert_eq!(case.alter, "ALTER TABLE u ADD x INT");
        assert_eq!(
            (case.create[0].line, case.round.len(), case.once(Stage::Ready).len()),
            (12, 1, 1)
        );
        assert_eq!(Case::parse(&case.to_string()).unwrap(), case);
    }

    #[test]
    fn what_breaks_the_format_is_refused_with_its_line() {
        let refusal = |from: &str, to: &str| format!("{:#}", Case::parse(&WHOLE.replace(from, to)).unwrap_err());
        for (from, to, message) in [
            ("@time", "@tiem", "line 6: @tiem: there is no such word"),
            ("@time", "@time yes", "line 6: @time: nothing may follow"),
            ("@dml ready", "@dml redy", "line 18: @dml: there is no stage \"redy\""),
            ("@dml ready", "@dml", "line 18: @dml: this section is there already"),
            (
                "@expect fails Data too long",
                "@expect fails",
                "line 10: @expect: say which text",
            ),
            ("@errors 1062", "@errors duplicate", "\"duplicate\" is no number"),
            (
                "@alter\n",
                "@alter\nSELECT 1;\n",
                "the section of line 14: @alter is one statement",
            ),
            (
                "-- Adds a column\n-- to a table.\n",
                "",
                "line 1: say in a comment what is altered",
            ),
            ("-- @errors 1062 1213", "SELECT 1;", "line 3: this stands in no section"),
        ] {
            let found = refusal(from, to);
            assert!(found.contains(message), "{found}, not {message}");
        }
    }
}

//! The ways in which gh-ost is told what to do, where they mean the same here.

use clap::{Args, Command, CommandFactory};

use crate::{cli::Cli, exit::Failure};

/// What is to be changed, in gh-ost's words.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "As gh-ost takes it")]
pub(crate) struct GhOstOptions {
    /// What follows ALTER TABLE and the name; or a whole statement. Instead of the statement.
    #[arg(long, value_name = "CHANGES", conflicts_with = "statement")]
    pub(crate) alter: Option<String>,
    /// The table, of the schema --database.
    #[arg(long, value_name = "TABLE", requires = "alter")]
    pub(crate) table: Option<String>,
    /// Do it. With --alter and without this, `run` changes nothing, as --dry-run.
    #[arg(long, requires = "alter")]
    pub(crate) execute: bool,
}

impl GhOstOptions {
    /// The statement; `None` if it is not given this way.
    pub(crate) fn statement(&self) -> Result<Option<String>, Failure> {
        let Some(alter) = &self.alter else {
            return Ok(None);
        };
        let mut words = alter.split_whitespace();
        let is_whole = ["alter", "table"]
            .iter()
            .all(|expected| words.next().is_some_and(|word| word.eq_ignore_ascii_case(expected)));
        match (&self.table, is_whole) {
            (_, true) => Ok(Some(alter.clone())),
            (Some(table), false) => Ok(Some(format!(
                "ALTER TABLE {} {alter}",
                outlast_mysql::quote::identifier(table)
            ))),
            (None, false) => Err(Failure::usage(
                "--alter says what to change, but not of which table; add --table",
            )),
        }
    }

    /// Whether nothing is to be changed, because gh-ost would not have either.
    pub(crate) fn is_rehearsal(&self) -> bool {
        self.alter.is_some() && !self.execute
    }
}

/// An option that is written with a single dash, as gh-ost takes it, among the words of a command line: it would be read as letters.
pub(crate) fn with_one_dash(words: impl IntoIterator<Item = String>) -> Option<String> {
    let mut command = Cli::command();
    command.build();
    let all: Vec<&Command> = std::iter::once(&command).chain(command.get_subcommands()).collect();
    let is_option = |name: &str| {
        let mut options = all.iter().flat_map(|command| command.get_arguments());
        options.any(|option| {
            option
                .get_long_and_visible_aliases()
                .is_some_and(|names| names.contains(&name))
        })
    };
    words.into_iter().find(|word| {
        let name = word.strip_prefix('-').and_then(|rest| rest.split('=').next());
        name.is_some_and(|name| name.len() > 1 && is_option(name))
    })
}

/// `Threads_running=25`.
pub(crate) fn max_load(text: &str) -> Result<u64, String> {
    let limit = text
        .split_once('=')
        .filter(|(name, _)| name.eq_ignore_ascii_case("threads_running"));
    limit.and_then(|(_, limit)| limit.parse().ok()).ok_or_else(|| {
        format!("{text:?} can't be heeded, only Threads_running=N; write other limits as --throttle-query, which may ask for anything")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(alter: &str, table: Option<&str>) -> Option<String> {
        let options = GhOstOptions {
            alter: Some(alter.to_owned()),
            table: table.map(str::to_owned),
            execute: false,
        };
        options.statement().ok().flatten()
    }

    #[test]
    fn the_statement_is_put_together_or_taken_as_it_is() {
        let made = statement("ADD c INT", Some("or`ders"));
        assert_eq!(made.as_deref(), Some("ALTER TABLE `or``ders` ADD c INT"));
        let whole = "alter table shop.orders ADD c INT";
        assert_eq!(statement(whole, None).as_deref(), Some(whole));
        let of_a_column = statement("ALTER COLUMN c SET DEFAULT 1", Some("t"));
        assert_eq!(
            of_a_column.as_deref(),
            Some("ALTER TABLE `t` ALTER COLUMN c SET DEFAULT 1")
        );
        assert_eq!(statement("ADD c INT", None), None);
    }

    #[test]
    fn an_option_with_one_dash_is_found() {
        let found = |line: &str| with_one_dash(line.split(' ').map(str::to_owned));
        assert_eq!(found("run -host=db1 -execute").as_deref(), Some("-host=db1"));
        assert_eq!(found("run --server a:1 -execute").as_deref(), Some("-execute"));
        for right in ["run --execute -h", "run -V", "run --password -secret", "run -1"] {
            assert_eq!(found(right), None, "{right}");
        }
    }

    #[test]
    fn only_a_load_that_is_heeded_is_taken() {
        assert_eq!(
            (max_load("Threads_running=25"), max_load("threads_running=7")),
            (Ok(25), Ok(7))
        );
        for other in [
            "Threads_connected=5",
            "Threads_running=5,Threads_connected=9",
            "25",
            "Threads_running=x",
        ] {
            assert!(max_load(other).is_err(), "{other}");
        }
    }
}

//! `outlast completions` and `outlast man`: what is generated from the commands and their help.

use std::{path::Path, process::ExitCode};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{
    cli::Cli,
    exit::{COMPLETE, Failure},
};

const NAME: &str = "outlast";

pub(crate) fn completions(shell: Shell) -> Result<ExitCode, Failure> {
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut std::io::stdout());
    Ok(ExitCode::from(COMPLETE))
}

pub(crate) fn pages(folder: &Path) -> Result<ExitCode, Failure> {
    let written = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
    written.map_err(|error| {
        Failure::refused(format!(
            "the man pages can't be written into {}: {error}; name a folder that you may write to",
            folder.display()
        ))
    })?;
    eprintln!(
        "Written into {}. `man -l {0}/{NAME}.1` shows the first.",
        folder.display()
    );
    Ok(ExitCode::from(COMPLETE))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn commands_and_options_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_a_page_and_is_completed_in_every_shell() {
        let folder = std::env::temp_dir().join(format!("outlast-man-{}", std::process::id()));
        pages(&folder).unwrap();
        let commands: Vec<String> = Cli::command()
            .get_subcommands()
            .map(|command| command.get_name().to_owned())
            .collect();
        assert!(commands.len() > 15, "{commands:?}");
        for command in &commands {
            let page = std::fs::read_to_string(folder.join(format!("{NAME}-{command}.1"))).unwrap();
            assert!(page.contains(".SH OPTIONS"), "{command}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), NAME, &mut script);
            let script = String::from_utf8(script).unwrap();
            let missing: Vec<&String> = commands.iter().filter(|c| !script.contains(c.as_str())).collect();
            assert!(missing.is_empty(), "{shell}: {missing:?}");
        }
    }

    /// The words of a line, as a shell divides them; what stands behind a `#` is none of them.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quote = None;
        for c in line.chars() {
            match (quote, c) {
                (None, '"' | '\'') => quote = Some(c),
                (Some(open), c) if c == open => quote = None,
                (None, ' ') if words.last().is_some_and(String::is_empty) => {}
                (None, ' ') => words.push(String::new()),
                (None, '#') if words.last().is_some_and(String::is_empty) => break,
                (_, c) => words.last_mut().unwrap().push(c),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    /// Lines of the shell blocks of a document, those that go on joined.
    fn shell_lines(document: &str) -> Vec<String> {
        let mut lines = Vec::new();
        let mut in_block = false;
        let joined = document.replace("\\\n", " ");
        for line in joined.lines() {
            match line.trim_start() {
                fence if fence.starts_with("```") => in_block = !in_block && fence == "```sh",
                line if in_block => lines.push(line.to_owned()),
                _ => {}
            }
        }
        lines
    }

    #[test]
    fn every_command_in_the_documentation_is_one() {
        use clap::Parser;
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
        let mut documents = vec![format!("{folder}README.md")];
        for entry in std::fs::read_dir(format!("{folder}docs")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                documents.push(path.to_str().unwrap().to_owned());
            }
        }
        let mut commands = 0;
        for document in documents {
            for line in shell_lines(&std::fs::read_to_string(&document).unwrap()) {
                let mut words = words(&line);
                // Variables for one command.
                while words
                    .first()
                    .is_some_and(|word| word.starts_with("OUTLAST_") && word.contains('='))
                {
                    words.remove(0);
                }
                if words.first().is_some_and(|word| word == NAME) {
                    commands += 1;
                    if let Err(error) = Cli::try_parse_from(&words) {
                        assert_eq!(error.exit_code(), 0, "{document}: {line}\n{error}");
                    }
                }
            }
        }
        assert!(commands > 20, "only {commands} commands were found");
    }
}

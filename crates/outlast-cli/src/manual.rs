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
}

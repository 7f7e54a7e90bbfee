//! The `outlast` command: online schema migrations for MySQL that outlast the server they started on.

mod agent;
mod announcing;
mod cli;
mod cluster;
mod config;
mod display;
mod doctor;
mod exit;
mod gh_ost;
mod hooks;
mod manual;
mod plan;
mod policies;
mod progress;
mod requests;
mod run;
mod show;
mod submission;
mod throttle;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    cli::{Cli, Command, Format},
    cluster::Cluster,
    exit::{Failure, report},
};

fn main() -> ExitCode {
    if let Some(word) = gh_ost::with_one_dash(std::env::args().skip(1)) {
        return report(&Failure::usage(format!("options have two dashes: write -{word}")));
    }
    let cli = Cli::parse();
    start_logging(&cli);
    #[cfg(feature = "failpoints")]
    if let Ok(rules) = std::env::var("OUTLAST_FAILPOINTS")
        && let Err(error) = outlast_mysql::failpoints::arm(&rules)
    {
        return report(&Failure::usage(error.to_string()));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return report(&Failure::refused(format!(
                "the async runtime can't be started: {error}"
            )));
        }
    };
    match runtime.block_on(dispatch(cli)) {
        Ok(code) => code,
        Err(failure) => report(&failure),
    }
}

/// Logs to stderr: an agent what it does, other commands what goes wrong; or as `OUTLAST_LOG` says.
fn start_logging(cli: &Cli) {
    let default_level = match &cli.command {
        Command::Agent(_) => "info",
        _ => "error",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("OUTLAST_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default_level));
    let logging = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(console::colors_enabled_stderr());
    match cli.log_format {
        Format::Text => logging.init(),
        Format::Json => logging.json().flatten_event(true).init(),
    }
}

async fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    // What asks no server.
    match &cli.command {
        Command::Completions(options) => return manual::completions(options.shell),
        Command::Man(options) => return manual::pages(&options.folder),
        _ => {}
    }
    let cluster = Cluster::from_options(&cli.connection)?;
    match cli.command {
        Command::Completions(_) | Command::Man(_) => Ok(ExitCode::from(exit::COMPLETE)),
        Command::Run(options) => run::run(cluster, options).await,
        Command::Plan(options) => plan::plan(&cluster, options).await,
        Command::Resume(options) => run::resume(cluster, options).await,
        Command::Submit(options) => submission::submit(&cluster, options).await,
        Command::Agent(options) => agent::serve(cluster, options).await,
        Command::Doctor(options) => doctor::doctor(&cluster, options).await,
        Command::List(options) => show::list(&cluster, options.format).await,
        Command::Status(options) => show::status(&cluster, &options.id, options.format).await,
        Command::Events(options) => show::events(&cluster, &options.id, options.format).await,
        Command::Complete(options) => requests::complete(&cluster, &options.id).await,
        Command::Cancel(options) => requests::cancel(&cluster, &options.id).await,
        Command::Retry(options) => requests::retry(&cluster, &options.id).await,
        Command::Throttle(options) => throttle::throttle(&cluster, options).await,
        Command::Unthrottle(options) => throttle::unthrottle(&cluster, options).await,
        Command::Cleanup(options) => requests::clean_up(&cluster, &options.id).await,
    }
}

//! Commands and their options.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    exit::Failure,
    gh_ost::GhOstOptions,
    throttle::{LimitOptions, ThrottleOptions, UnthrottleOptions},
};

/// Online schema migrations for MySQL that outlast the server they started on.
///
/// A migration begins on one primary and completes on whichever server is primary at the end, through planned switchovers,
/// crashes and promotions by others. Start one in the foreground:
///
///   outlast run --server db1:3306 --user outlast "ALTER TABLE shop.orders ADD COLUMN note TEXT"
///
/// Or queue it, and let agents (one is enough, several are safer) do the work:
///
///   outlast agent --server db1:3306 --server db2:3306
///   outlast submit --server db1:3306 "ALTER TABLE shop.orders ADD COLUMN note TEXT"
///   outlast status --server db1:3306 ID
#[derive(Parser)]
#[command(name = "outlast", version, verbatim_doc_comment)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// How to log on stderr; `json` writes one object per line. OUTLAST_LOG says what is logged, as in OUTLAST_LOG=debug.
    #[arg(long, value_enum, default_value_t, global = true, env = "OUTLAST_LOG_FORMAT")]
    pub(crate) log_format: Format,
}

/// How the cluster is reached; the same for all commands.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// A server of the cluster; repeat it for several. The others are discovered, and the primary is found.
    #[arg(
        long = "server",
        value_name = "HOST:PORT",
        global = true,
        env = "OUTLAST_SERVER",
        value_delimiter = ','
    )]
    pub(crate) servers: Vec<String>,
    /// A server's host, with --port; as --server.
    #[arg(long, value_name = "HOST", global = true, hide = true)]
    pub(crate) host: Option<String>,
    /// Its port.
    #[arg(long, value_name = "PORT", global = true, hide = true, default_value_t = 3306)]
    pub(crate) port: u16,
    /// Take --server as one address that always leads to the primary (virtual IP, DNS name, proxy); discover nothing.
    #[arg(long, global = true, env = "OUTLAST_SINGLE_ENDPOINT")]
    pub(crate) single_endpoint: bool,
    /// MySQL user.
    #[arg(long, global = true, env = "OUTLAST_USER")]
    pub(crate) user: Option<String>,
    /// Its password. Others can see it in the process list: rather use OUTLAST_PASSWORD or --defaults-file.
    #[arg(
        long,
        global = true,
        env = "OUTLAST_PASSWORD",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    pub(crate) password: Option<String>,
    /// MySQL option file; its section `client` gives user, password, host and port. Without it, ~/.my.cnf
    /// gives user and password.
    #[arg(
        long,
        alias = "conf",
        value_name = "FILE",
        global = true,
        env = "OUTLAST_DEFAULTS_FILE"
    )]
    pub(crate) defaults_file: Option<PathBuf>,
    /// Schema of tables whose name has none in the statement.
    #[arg(long, global = true, env = "OUTLAST_DATABASE")]
    pub(crate) database: Option<String>,
    /// TOML file with these options, for one cluster or several; see examples/outlast.toml.
    #[arg(long, value_name = "FILE", global = true, env = "OUTLAST_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Which of the clusters in the TOML file.
    #[arg(long, value_name = "NAME", global = true, env = "OUTLAST_CLUSTER")]
    pub(crate) cluster: Option<String>,
    /// Encrypt connections, without verifying the server's certificate.
    #[arg(long, global = true, env = "OUTLAST_TLS")]
    pub(crate) tls: bool,
    /// Encrypt connections, and accept only servers with a certificate of this authority (PEM file) that names their host.
    #[arg(long, value_name = "FILE", global = true, env = "OUTLAST_TLS_CA")]
    pub(crate) tls_ca: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a migration in the foreground, with a progress bar.
    ///
    /// Where MySQL can make the change without touching rows (ALGORITHM=INSTANT, or INPLACE of metadata only), MySQL makes it itself;
    /// otherwise rows are copied. --dry-run says which. A statement with ALGORITHM=INSTANT is never copied, one with
    /// ALGORITHM=COPY always.
    ///
    /// Before anything is created, all servers of the cluster that can be reached are checked: settings, replication filters, and
    /// whether the copy fits on the primary's disk, if that can be known. What harms a migration is refused, with what mends it.
    ///
    /// Exit codes: 0 complete, 2 wrong usage, 3 refused before anything was changed, 4 failed with the source untouched,
    /// 5 stopped, and any agent or `outlast resume ID` goes on from here.
    Run(RunOptions),
    /// Say what a migration would do, and why, and change nothing; as `run --dry-run`.
    ///
    /// Whether rows are copied, by which key, what becomes of columns, which
    /// room and time that takes, and what happens at a failover. Checks
    /// everything that `run` and `submit` check, and refuses what they would.
    /// (The change is tried on tables with none or a few of the rows, which
    /// are dropped again.)
    ///
    ///   outlast plan "ALTER TABLE shop.orders ADD COLUMN note TEXT"
    #[command(verbatim_doc_comment)]
    Plan(PlanOptions),
    /// Go on with a migration in the foreground, as its owner.
    Resume(ResumeOptions),
    /// Queue a migration for the agents.
    Submit(SubmitOptions),
    /// Run queued migrations, and adopt those whose owner is gone, until stopped.
    Agent(AgentOptions),
    /// Look at every server of the cluster for all that a failover needs of it, and say what mends what is wrong.
    ///
    /// Settings, filters, replication, clocks, how long binlogs are kept,
    /// whether commits survive a crash, privileges of this account, free disk.
    /// Green is well; yellow may cost something at a failover; red must be
    /// mended before a migration relies on that server. Nothing is changed.
    ///
    ///   outlast doctor --server db1:3306
    ///   outlast doctor --server db1:3306 --database shop --expect 3d
    ///
    /// Exit codes: 0 nothing is red (with --strict: all is green), 3 something is.
    #[command(verbatim_doc_comment)]
    Doctor(DoctorOptions),
    /// List all migrations of the cluster.
    List(ListOptions),
    /// Show one migration.
    Status(OneOptions),
    /// Show the history of one migration.
    Events(OneOptions),
    /// Let a migration whose completion was postponed do its cut-over.
    Complete(IdOptions),
    /// Stop a migration. The source stays as it is; copied rows are kept for a retry.
    Cancel(IdOptions),
    /// Queue a failed or cancelled migration again. It goes on from its checkpoint.
    Retry(IdOptions),
    /// Stop migrations for a while, or change what they must not add to, while they run.
    ///
    /// Without a limit, nothing is copied or applied until `outlast unthrottle`; owners stay alive. With limits, the migration
    /// slows down from half of one on, and stops at it:
    ///
    ///   outlast throttle                           all migrations of the cluster stand still
    ///   outlast throttle ID --max-lag 3s           this one heeds a lower lag
    ///   outlast throttle --max-threads-running 40  all heed the load of the primary
    #[command(verbatim_doc_comment)]
    Throttle(ThrottleOptions),
    /// Take back what `throttle` has set.
    Unthrottle(UnthrottleOptions),
    /// Drop what a migration that has ended left: its shadow, its checkpoint, and the retired table (the old data).
    Cleanup(IdOptions),
    /// Print what a shell needs to complete commands and options.
    ///
    ///   outlast completions bash > /usr/share/bash-completion/completions/outlast
    ///   outlast completions zsh  > /usr/share/zsh/site-functions/_outlast
    ///   outlast completions fish > ~/.config/fish/completions/outlast.fish
    #[command(verbatim_doc_comment)]
    Completions(CompletionsOptions),
    /// Write the man pages of all commands into a folder.
    ///
    ///   outlast man /usr/local/share/man/man1
    #[command(verbatim_doc_comment)]
    Man(ManOptions),
}

#[derive(Args)]
pub(crate) struct RunOptions {
    #[command(flatten)]
    pub(crate) migration: MigrationOptions,
    #[command(flatten)]
    pub(crate) agent: AgentOptions,
    /// Change nothing, as `outlast plan`.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// `json` prints one event per line on stdout.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Args)]
pub(crate) struct PlanOptions {
    #[command(flatten)]
    pub(crate) migration: MigrationOptions,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Args)]
pub(crate) struct SubmitOptions {
    #[command(flatten)]
    pub(crate) migration: MigrationOptions,
    /// How to print the migration's id.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// What is asked for.
#[derive(Args)]
pub(crate) struct MigrationOptions {
    /// The statement, as in "ALTER TABLE shop.orders ADD COLUMN note TEXT".
    #[arg(value_name = "ALTER TABLE …", required_unless_present = "alter")]
    pub(crate) statement: Option<String>,
    /// Stop before the cut-over (or before the table is changed at once) until `outlast complete ID`.
    #[arg(long)]
    pub(crate) postpone_completion: bool,
    /// Most rows of a chunk. Without it, the chunk size follows a target time.
    #[arg(long, alias = "chunk-size", value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) chunk_rows: Option<u64>,
    /// Pause between two chunks of a lane, as in 50ms; slows the copy down.
    #[arg(long, value_name = "DURATION", value_parser = duration_ms)]
    pub(crate) chunk_pause: Option<u64>,
    /// Number of lanes that copy in parallel. Without it, there are two at first, and more while that makes the copy faster.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) lanes: Option<u32>,
    /// How long a duplicate value of a unique key may last before the migration fails, as in 60s.
    #[arg(long, value_name = "DURATION", value_parser = duration_ms)]
    pub(crate) duplicate_grace: Option<u64>,
    /// Copy even if the estimate of the disk space that this takes is above what is free.
    ///
    /// What is free is known only if the primary runs on the same machine; --dry-run shows the estimate.
    #[arg(long)]
    pub(crate) ignore_disk_space: bool,
    /// Build those indexes of the new table that can wait once its rows are copied: faster, and their pages are full.
    ///
    /// Unique, FULLTEXT, SPATIAL and expression indexes, and those of virtual columns, are there from the beginning. Changes wait meanwhile, and are applied afterwards.
    /// Replicas build the indexes too when the primary has, and lag for as long as that takes them. The build gives way to a switchover or a
    /// backup, and begins again afterwards.
    #[arg(long)]
    pub(crate) defer_indexes: bool,
    /// Copy even where the server could change the table at once, without touching its rows.
    #[arg(long)]
    pub(crate) no_instant: bool,
    #[command(flatten)]
    pub(crate) limits: LimitOptions,
    #[command(flatten)]
    pub(crate) policies: PolicyOptions,
    #[command(flatten)]
    pub(crate) gh_ost: GhOstOptions,
}

impl MigrationOptions {
    /// The statement, whichever way it is given.
    pub(crate) fn statement(&self) -> Result<String, Failure> {
        let given = self.gh_ost.statement()?.or_else(|| self.statement.clone());
        given.ok_or_else(|| Failure::usage("no statement is given; write \"ALTER TABLE …\""))
    }
}

/// Policies of a migration. They are stored with it, and used by whichever agent runs it.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Policies")]
pub(crate) struct PolicyOptions {
    /// WASM component that decides whether to adopt a migration.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy_adoption: Option<PathBuf>,
    /// WASM component that decides how long to wait after a failure.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy_retry: Option<PathBuf>,
    /// WASM component that decides from which age on a migration is stale.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy_staleness: Option<PathBuf>,
    /// Parameter for the policies, as in cutoff=10m; repeat it for several.
    #[arg(long = "policy-param", value_name = "K=V", value_parser = parameter)]
    pub(crate) policy_params: Vec<(String, String)>,
}

#[derive(Args, Clone)]
pub(crate) struct AgentOptions {
    /// Name of this agent, for people; by default host name and process id.
    #[arg(long, value_name = "NAME", env = "OUTLAST_AGENT")]
    pub(crate) agent: Option<String>,
    /// Folder with executables that are run when something has happened to a migration: on-started, on-adopted, on-ready, on-complete,
    /// on-failed, on-cancelled, on-stale; also with -ANYTHING behind. They find the facts in OUTLAST_EVENT, OUTLAST_MIGRATION and others.
    #[arg(long, value_name = "FOLDER", env = "OUTLAST_HOOKS")]
    pub(crate) hooks: Option<PathBuf>,
    /// How long a hook may take before it is killed. No migration waits for hooks.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration_ms, env = "OUTLAST_HOOK_TIMEOUT")]
    pub(crate) hook_timeout: u64,
    /// Time between two signs of life of a migration, as in 5s.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration_ms)]
    pub(crate) liveness_interval: u64,
}

#[derive(Args)]
pub(crate) struct ResumeOptions {
    /// The migration's id, or the beginning of it.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) agent: AgentOptions,
    /// `json` prints one event per line on stdout.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Args)]
pub(crate) struct ListOptions {
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Args)]
pub(crate) struct CompletionsOptions {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Args)]
pub(crate) struct ManOptions {
    /// The folder, which is made if it is missing.
    pub(crate) folder: PathBuf,
}

#[derive(Args)]
pub(crate) struct DoctorOptions {
    /// How long a migration may take, throttled and postponed: binlogs should be kept for that long.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration_ms)]
    pub(crate) expect: u64,
    /// Exit with 3 also if something is yellow.
    #[arg(long)]
    pub(crate) strict: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Args)]
pub(crate) struct OneOptions {
    /// The migration's id, or the beginning of it.
    pub(crate) id: String,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Args)]
pub(crate) struct IdOptions {
    /// The migration's id, or the beginning of it.
    pub(crate) id: String,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

fn duration_ms(text: &str) -> Result<u64, String> {
    outlast_core::policy::parse_duration_ms(text)
        .ok_or_else(|| format!("{text:?} is no duration; write a number and a unit, as in 500ms, 90s, 10m"))
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("{text:?} is no parameter; write KEY=VALUE, as in cutoff=10m")),
    }
}
